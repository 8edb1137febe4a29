//! What words stand for: the vocabulary of texts about texts.
//!
//! A word stands for any number of concepts; most words of a text stand for none.
//! English and French, Québec's French and the spelling of text messages share
//! one table, as people mix them. Words are written here as [`super::words`]
//! makes them: lower case, no accents, no apostrophes.

use std::sync::LazyLock;

use super::spelling::{self, Shape};

/// An odd number without a pattern, to hash by: the golden ratio's.
pub(super) const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// How many numbers of 64 bits hold a bit for each concept.
const LENGTH: usize = 6;

/// A set of concepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Set([u64; LENGTH]);

#[expect(
    clippy::indexing_slicing,
    reason = "checked by the compiler: all indices are constants or below LENGTH"
)]
impl Set {
    /// No concept at all.
    pub(super) const NONE: Self = Self([0; LENGTH]);

    /// The concept declared at `position`.
    const fn single(position: u16) -> Self {
        let mut bits = [0; LENGTH];
        bits[position as usize / 64] = 1 << (position % 64);
        Self(bits)
    }

    /// The concepts of both.
    pub(super) const fn or(self, other: Self) -> Self {
        let Self([a, b, c, d, e, f]) = self;
        let Self([g, h, i, j, k, l]) = other;
        Self([a | g, b | h, c | i, d | j, e | k, f | l])
    }

    /// Whether the two share a concept.
    pub(super) const fn meets(self, other: Self) -> bool {
        let Self([a, b, c, d, e, f]) = self;
        let Self([g, h, i, j, k, l]) = other;
        (a & g) | (b & h) | (c & i) | (d & j) | (e & k) | (f & l) != 0
    }

    /// Whether there is no concept.
    pub(super) const fn is_empty(self) -> bool {
        !self.meets(self)
    }

    /// A number that other sets hardly ever have.
    pub(super) fn hash(self) -> u64 {
        self.0.iter().fold(0, |hash: u64, bits| (hash.rotate_left(23) ^ bits).wrapping_mul(MIX))
    }
}

/// Declares concepts, and the words that stand for each.
macro_rules! concepts {
    ($($(#[$attribute:meta])+ $name:ident [$($word:tt)*];)+) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "numbers the concepts")]
        #[repr(u16)]
        enum Position { $($name),+ }

        $(
            $(#[$attribute])+
            pub(super) const $name: Set = Set::single(Position::$name as u16);
        )+

        /// Each word with the position of a concept it stands for.
        static VOCABULARY: &[(&str, u16)] =
            &[$($((stringify!($word), Position::$name as u16),)*)+];
    };
}

concepts! {
    // Consent and its keywords.

    /// A keyword to stop, even as one clause among others.
    KEYWORD [
        stop stpo sotp tsop stap stahp stopp sttop sstop stoip stopo stop1 stopit stopall stopsvp
        stopplease stopthis stoppls unsubscribe unsub optout delist unlist arret arrets arrete
        arretes arretez arreter aret arett arrett arrette arettes arete aretez arettez arretter
        aretter stopper stoppez cesse cessez cesser cease desist halt desabonner desabonne
        desabonnez desabonnement desabo desinscrire desinscription desinscrivez basta alto parar
        detener unsuscribe unsubcribe unsubscrib unsubsribe unsubscibe unsubcsribe unsubscirbe
        areter stoppe dsabonner dsabonnez dsabonne stop2end stop2quit stawp paren pleasestop plsstop
        plzstop arette
    ];
    /// A keyword to stop when it is all a text says.
    STOP_ALONE [
        removal pourriel retrait signale end quit cancel revoke remove removed enough spam fin
        annuler annulez retirer enlever supprimer discontinue terminate reported unsubscribed mute
        td delete spammer spammers unfollow leave assez nomore dnc cancelar rayer effacer stfu gtfo
        blocked bloque bloquee scam scammer arnaque fraude phishing nomoretexts stopsign blocking
        baja block flagged unwanted indesirable indesirables revoked pare paren decline reject
        uninterested withdraw stope
    ];
    /// A keyword to start when it is all a text says.
    START_ALONE [
        commencez start starts unstop subscribe resubscribe debut debuter commencer recommencer
        abonner abonnement reabonner reabonnement reinscription resume restart optin begin rejoindre
        reprendre reactiver reactivate resub demarrer
    ];
    /// A keyword for help when it is all a text says.
    HELP_ALONE [
        help info aide infos information informations aider aidez renseignement renseignements
        helpme ayuda
    ];
    /// To stop doing.
    CEASE [
        stop stops stpo sotp tsop stap stahp stopp sttop sstop stoip stopo stopping quit quitting
        cease ceasing desist halt discontinue discontinuing refrain refraining avoid avoiding lay
        arret arrets arrete arretes arretez arreter arretent arretiez arretions aret arett arrett
        arrette arette arettes arete aretez arettez areter arretter aretter cesse cesses cessez
        cesser cessiez cessent stopper stoppez stoppe eviter evitez evite abstenez abstenir finissez
        stopez sarrete stopsign stawp dejen deje dejar
    ];
    /// Stopped.
    STOPPED [stopped ended arretes finis cancelled canceled discontinued ceased];
    /// To end something that has a name.
    END [
        pause nix annulation fermez fermer eteignez eteindre couper coupez end ending cancel
        canceling cancelling terminate terminating discontinue suspend disable deactivate kill mute
        block annuler annulez annule resilier resiliez desactiver desactivez desactive suspendre
        suspendez terminer terminez interrompre interrompez finir unsubscribe hold silence
        disconnect cancelar
    ];
    /// To unsubscribe.
    UNSUBSCRIBE [
        unsubscribe unsubscribes unsubscribing unsub unsuscribe unsubcribe unsubscrib unsubsribe
        unsubscibe unsubcsribe unsubscirbe optout unlist delist unenroll desabonner desabonne
        desabonnez desabonnement desabo desabonnes desinscrire desinscription desinscrivez
        desinscris dsabonner dsabonnez dsabonne deregister unregister disenroll
    ];
    /// Unsubscribed.
    UNSUBSCRIBED [unsubscribed unsubbed optedout desinscrit desinscrite desabonnee desabonne];
    /// To opt.
    OPT [opt opting opts];
    /// Opted.
    OPTED [opted];

    // Texting.

    /// To text, or a text.
    TEXT [text txt tex texto texte msg message mssg messge mesage sms messege txte mssage];
    /// Texts.
    TEXTS [
        texts txts textes messages msgs mesages messges mssgs smses sms texto textos notifications
        notification notifs alerts alertes reminders rappels updates communications communication
        correspondence followups envois envoi messagerie txtos mailings announcements announcement
        bulletin bulletins broadcasts blasts campaigns mensajes
    ];
    /// Texting.
    TEXTING [
        texting txting txtin textin textng txtn msgn messaging msging messagin messging msgin
        textting sms hmu txtng texing txing
    ];
    /// To get in touch, in English.
    CONTACT [
        contact contacting contactin write writing writting reach reaching communicate communicating
        ping pinging notify notifying replying responding dm dming following msgd solicit soliciting
        advertising marketing market advertise reminding respond
    ];
    /// To get in touch, in French.
    ECRIRE [
        ecrit ecrire ecrivez ecris ecrives ecriviez ecriver texter textez texte textes textiez txtez
        txter contacter contactez contacte contactes contactiez recontacter recontactez recontacte
        rejoindre communiquer communiquez communique solliciter sollicitez relancer relancez relance
        messager parlez texto reecrire ecrir parle txt
    ];
    /// To send.
    SEND [
        send sending sends sendin snd envoyer envoyez envoie envoies envoyiez envoye envoyes envoy
        envoi
    ];
    /// To be a nuisance.
    BOTHER [
        fatiguez fatiguer fatigue bother bothering bug bugging harass harassing pester pestering
        annoy annoying disturb disturbing spam spamming hound hounding badger badgering stalk
        stalking bombard bombarding deranger derangez derange derangent harceler harcelez harcele
        achaler achalez achale achales tanner tannez tanne tannes gosser gossez gosse gosses
        ecoeurer ecoeurez ecoeure ecoeures importuner importunez importune spammer spammez spamme
        emmerder emmerdez ennuyer ennuyez bombarder bombardez niaiser niaisez badrer badrez badre
    ];
    /// To blow up a phone, to hit someone up.
    BLOW [blow blowing hit hitting];
    /// To get texts.
    RECEIVE [
        recoive recoit get getting receive receiving recieve recieving gettin recevoir recevoirs
        ravoir
    ];
    /// Got.
    RECEIVED [got received recieved recu recus gotten eu recois recoit obtenu obtained pris];
    /// To call.
    CALL [call calling calls phoning ring ringing appeler appelez appelle appels coup fil];
    /// By letter or by e-mail.
    EMAIL [
        email emails emailing courriel courriels mail mails poste emailed catalogue catalog flyer
        flyers circulaire
    ];
    /// Texted.
    CONTACTED [
        contacted texted messaged bothered solicited disturbed spammed harassed notified contacte
        contactee contactes contactees sollicite sollicitee derange derangee texte textee importune
        harcele
    ];
    /// What a shop sends.
    JUNK [
        promos promotions promo promotion ads ad offers offer offres offre deals coupons marketing
        advertising advertisements advertisement pub pubs publicite publicites solicitations stuff
        things crap shit garbage junk nonsense bs bullshit anything nothing rien merde marde
        cochonneries niaiseries spam
    ];
    /// Nuisance as a noun.
    SPAM [
        spam spams spamming spammer spammers harassment pourriel pourriels harcelant harcelement
        polluriel junk acharnement
    ];

    // Who and which.

    /// Me.
    ME [me moi m us nous myself mi nos moe];
    /// I.
    I [i im ive ill id we weve je j jai jsuis chu idk jveu jveux jveut];
    /// My.
    MY [my our mon ma mes notre nos his her hers their son sa ses leur thier mine];
    /// You.
    YOU [you u ya yall vous vs tu te toi t yous people youre ur youve youll];
    /// Your.
    YOUR [your ur yr youre vos votre vot vo ton ta tes you];
    /// This.
    THIS [this that these those it them ca sa cela ceci ces ce cette dis thats];
    /// Several.
    THESE [these those them ca thos theses ces];
    /// A telephone number.
    NUMBER [number num nbr nmbr numer numero numeros # digits numbr nummer numba nbmr];
    /// Before the French short form of number.
    BEFORE_NUMBER [my ur mon le ce mauvais bon du votre vot wrong];
    /// A telephone.
    PHONE [phone cell cellphone mobile line cellulaire cel telephone tel landline phones inbox];
    /// A person's name.
    NAME [name nom names named];
    /// What else a shop keeps of someone.
    DETAILS [
        info data details contact contacts profile account coordonnees donnees informations
        information infos existence datas renseignements
    ];
    /// Where people are listed.
    LIST [
        list lists liste listes lst system systems systeme database databases db contacts directory
        roster records record file files fichier fichiers fichers dossier dossiers repertoire base
        thread chat listing
    ];
    /// Person.
    PERSON [person guy girl lady man personne gars dude persons people individual];
    /// Nobody.
    NOBODY [nobody noone none personne];
    /// Another one.
    OLD [old ancien ancienne vieux other autre previous former];
    /// Here.
    HERE [here ici icitte];

    // Denial.

    /// Not, of an order or a wish.
    NOT [dont don donot not never nevr nvr dnt doesnt dun nt neva doont];
    /// Not, of what was.
    DIDNT [didnt havent hasnt didn haven never didint hadnt dident];
    /// Not, of what is.
    ISNT [isnt aint arent wasnt isn];
    /// Not, of what one can.
    CANT [cant cannot couldnt wont wouldnt couldn won wouldn unable peux peut];
    /// Nothing of it.
    NO [no zero aucun aucune without sans nomore pas none not];
    /// The French `ne`.
    NE [ne n];
    /// The French `pas`.
    PAS [pas jamais aucun aucune rien pa];
    /// The French `plus`, in the sense of no longer.
    PLUS [plus pu pus pluss plu];
    /// More.
    MORE [more further additional mor future others else supplementaires mas];
    /// Longer.
    LONGER [longer];
    /// Again, or ever.
    AGAIN [again anymore ever agin jamais encore further nomore anymor moar desormais];
    /// Again, after a stop.
    BACK [back again nouveau agin encore bak];

    // Wishes.

    /// To want.
    WANT [
        want wants wanna wanted rather wish wishing like care desire desires need needs prefer
        appreciate love interested interest intrested veux veut voulons souhaite souhaitons desirons
        aimerais aimerions aime voudrais voudrions prefere prefererais besoin tiens interesse
        interessee interet veus veu ve vx interessent necessary necessaire voulez voudrai interesser
        interestd jveu jveux jveut envie quiero apprecierais souhaiterais desirerais souhaiterait
        tryna
    ];
    /// To like rather.
    RATHER [rather prefer appreciate mind prefere prefererais aimerais];
    /// To hear.
    HEAR [hear hearing entendre];
    /// To make someone do something.
    MAKE [
        make get have want need wish like faire faites fais veux voudrais aimerais voulez getting
        mak
    ];
    /// It must.
    MUST [
        must needs need has have should gotta faut faudrait falloir doit doivent can could will cant
        wont got
    ];
    /// May, of what the shop may do.
    MAY [can may could ok okay fine welcome free pouvez pourriez peux good allowed cool];
    /// Allowed.
    ALLOWED [
        allowed authorized authorised permitted permission droit autorise autorises right rights
    ];

    // Lists.

    /// To remove.
    REMOVE [
        remove rem remve rmv rmve remov rmove removing delete deleting erase erasing purge wipe
        scrub exclude eliminate destroy scratch strike enlever enlevez enleve enleves retirer
        retirez retire retires oter otez ote otes supprimer supprimez supprime effacer effacez
        efface rayer rayez raye sortir sortez sors radier radiez eliminer eliminez debarquer
        debarquez debarque exclure excluez detruire detruisez biffez biffer unlist unadd rid quiteme
        quitenme saquenme saqueme eliminen borren borreme borra borre borrar elimina
    ];
    /// Removed.
    REMOVED [
        removed deleted erased taken retire retiree retires enleve enlevee supprime efface off
        enleves desabonne unlisted
    ];
    /// To take off a list.
    TAKE [
        count take taken taking tak get getting put keep pull pulled cross strike scratch drop leave
        tke cut bump kick boot
    ];
    /// Off.
    OFF [off out outta outa];
    /// From.
    FROM [from off of out frm];
    /// To lose on purpose.
    LOSE [
        lose loose forget burn shred trash toss oublier oubliez oublie perdre perdez perds jeter
        jetez jette brulez throw drop ditch
    ];
    /// Wrong.
    WRONG [
        wrong wrng rong worng wromg wrog wring wonrg wrnog incorrect mauvais mauvaise mauvai faux
        fausse errone mistaken equivocado
    ];
    /// An error.
    ERROR [erreur error];
    /// Right.
    RIGHT [right correct bon bonne];
    /// Mistaken.
    MISTAKEN [trompe trompes trompez trompee];
    /// To belong.
    BELONG [belong belongs appartient appartien own owns use uses using utilise];
    /// Given to someone else.
    REASSIGNED [reassigned recycled reattribue];

    // Peace.

    /// To leave.
    LEAVE [let leave leav laeve leve lave laisse laissez laisser leaving];
    /// Alone.
    ALONE [alone tranquille tranquilles paix patience peace be aln alome aloen alne vivre];
    /// To give, rudely.
    GIVE_RUDELY [
        fichez fiche foutez fous fou crissez crisse sacrez sacre calissez calisse crisser ficher
        foutre sacrer calisser fout criss
    ];
    /// To let go.
    LET_GO [lachez lache lacher lachezmoi];
    /// Peace and quiet.
    QUIET [paix patience tranquille tranquilles baskets peace vivre];
    /// Go, rudely.
    RUDE [fk screw fuck fck fuk fuckk piss buzz bug bugger sod eff f ck back naff];
    /// Away, of a person.
    GO_AWAY [
        deguerpissez decrissez decrisse decalissez degagez degage scram decampez decampe decalisse
    ];
    /// To go.
    GO [go get goaway];
    /// Away.
    AWAY [away lost];
    /// To knock it off.
    KNOCK [knock];

    // Having asked, complaints and threats.

    /// To sign up.
    SIGN_UP [
        subscribing signup subscribe subscribed register registered enroll enrolled join joined
        opted request requested ask asked agree agreed consent consented authorize authorized
        authorised approve approved requesting inscrit inscrite inscrire abonne abonnee demande
        accepte consenti autorise souscrit consens demander
    ];
    /// To give.
    GAVE [gave give given donne donner giving];
    /// Leave to do so.
    CONSENT [
        consent permission authorization authorisation approval accord consentement autorisation
        concent
    ];
    /// To take back.
    REVOKE [
        revoke revoking revoked withdraw withdrawing withdrawn withdrew rescind rescinding rescinded
        retract retracting retire retirer revoque revoquer annule withdrawl denied
    ];
    /// Whom one complains to about texts.
    AUTHORITY [crtc fcc ftc casl tcpa lcap dncl lnnte dnc bbb];
    /// The law.
    LAWYER [
        cops lawyer attorney avocat avocate police sue suing lawsuit lawyers poursuis poursuivre
        court
    ];
    /// To report.
    REPORT [
        report reporting reported signaler signale signalez denoncer denonce flag flagging
        signalement
    ];
    /// A complaint.
    COMPLAINT [complaint complaints plainte complain complaining signalement];
    /// To block.
    BLOCK [block blocking blocked bloque bloquer];
    /// Unasked.
    UNSOLICITED [unsolicited];
    /// Enough.
    ENOUGH [enough assez suffit enuf nuff asse];
    /// Too.
    TOO [too trop];
    /// Much.
    MUCH [many much often frequently souvent];
    /// Had enough.
    TIRED [
        fatigant fatigants fatiguant tannants tannant capable tired sick fed tanne tannee tannes
        marre ecoeure ecoeuree ecoeurant done bol tanner enough plein voyage stand bear boutte bout
        exagerez exagere exageres fatigue fatiguee
    ];
    /// Still.
    STILL [
        keep keeps keeping kept still continue continuez continues continuer encore toujours continu
        persists persist
    ];
    /// Why.
    WHY [why pourquoi y];
    /// Next.
    NEXT [autre next one prochain prochaine another];

    // What makes it something else.

    /// A time, or a condition.
    WHEN [
        before b4 until untill til till unless while during after past yet tonight today tomorrow
        tmrw tmr when whenever if avant apres durant pendant soir demain aujourdhui hui quand
        lorsque si night nights evening matin nuit monday tuesday wednesday thursday friday saturday
        sunday sundays weekends lundi mardi mercredi jeudi vendredi samedi dimanche late early tard
        sauf except heure heures
    ];
    /// A time of the day.
    TIME [
        mondays tuesdays wednesdays thursdays fridays saturdays sundays am pm noon monday tuesday
        wednesday thursday friday saturday sunday lundi mardi mercredi jeudi vendredi samedi
        dimanche tomorrow tmrw demain
    ];
    /// What is booked, bought or sent by a shop.
    BOOKING [
        appointment appointments appt appts apt booking bookings reservation reservations resa order
        orders schedule waitlist waitlisted wait waiting attente class classes course cours rdv rv
        rendez commande table guest guests invite invites event events delivery livraison membership
        gym invoice invoices bill bills facture factures receipt statement statements quote estimate
        soumission party ticket tickets spot slot box boite team league tournament workshop lesson
        lessons tour trip raffle contest lineup queue rental lease policy insurance assurance plan
        menu cart panier calendar horaire meeting roster cleaning visit session cancellation
        cancellations annulation atelier tirage concours club
    ];
    /// To stop by: the place comes after it.
    PLACE [
        by in over at off into near outside around chez chercher voir prendre porter acheter passant
        vers
    ];
    /// To stop by, in French: the place may come after it.
    TO [a au aux pour dans sur];
    /// What stops are called after.
    STOP_OF [
        bus metro autobus pit rest door truck train tram streetcar non next last first final quick
        short dead one another nearest closest which full subway ttc stm line station feu feux sans
        each
    ];
    /// An article.
    ARTICLE [a an the un une l la le les cet];
    /// What comes after the noun.
    STOP_WHAT [
        sign signs light lights watch payment loss gap sale motion work maladie bus autobus cadre
        metro station street rue sec net
    ];
    /// What a keyword is spoken of as.
    PART [thing part word line bit option instructions command footer keyword means mean];
    /// To reply.
    REPLY [
        reply respond type write text txt send answer repondre repondez tapez ecrivez textez texter
        replying texting envoyez envoyer texte ecris reponds
    ];
    /// What one hears, sees or feels until it stops.
    FAULT [
        leak leaks leaking noise noises squeak squeaks squeaking drip drips dripping brake brakes
        bleed bleeding pain hurt hurts hurting alarm toilet tap faucet sink water dryer washer
        engine car bike beep beeps beeping running itch itching rattle rattling smell drain pipe
        furnace fan light chain wheel tooth gums knee back fridge fuite bruit robinet toilette
        moteur frein freins eau char auto velo dent sang saigne coule grince dog barking pump heater
        clock rust ants mice wasps rain
    ];
    /// By mistake.
    MISTAKE [
        mistake accident accidentally accidently accidentaly oops erreur inadvertently expres
        vouloir mistakenly accidental error voulais
    ];
    /// To mean.
    MEAN [mean meant means meaning voulais want voulu];
    /// A person says so.
    SAID [
        said told asked ask asking telling replied texted sent typed wrote dit demande demandais
        repete envoye repondu tape texte ecrit say tell begging requested dire ecrire dis
    ];
    /// Sent a keyword.
    SENT [
        replied texted sent typed wrote said hit pressed pushed pese put envoye ecrit repondu tape
        texte dit txted fait dialed did replying texting typing sending envoyant ecris reponds
    ];
    /// I gave it, not the shop.
    TYPED [
        gave put wrote dialed dialled called entered typed texted mis donne ecrit compose tape
        messaged have had left
    ];
    /// Of.
    OF [of on de du d for pour in];
    /// Did.
    DID [did have has had was were when where do does didnt];
    /// Been.
    BEEN [been ete];
    /// And, or.
    OR [or and nor et ou ni n plus also];
    /// More of something else, or later.
    LATER [tard vite souvent tot info infos details longtemps loin que than detail photos];
    /// What follows a whole wish, with no stop between.
    CONNECTOR [
        i im ive ill id we weve were je j on because cause cuz bc since car parce sinon or else
        otherwise who wtf not and but mais et its thx cest chu you this idk never stop
    ];

    // To be texted again.

    /// To start.
    START [
        start starting resume resuming restart begin commencer commencez recommencer recommencez
        recommence reprendre reprenez reprends restarting restarter recontinuer
    ];
    /// To subscribe again.
    RESUBSCRIBE [
        resubscribe resub reabonner reabonnez reabonne reabonnement reinscrire reinscription
        reinscrivez reinscris unstop reactivate reactiver reactivez reactive reenable rabonner
        rabonnez readd
    ];
    /// To subscribe.
    SUBSCRIBE [subscribe abonner abonnez abonne inscrire inscrivez inscris enroll];
    /// To add.
    ADD [
        add put sign opt remettre remettez remets rajoutez rajoute rajouter ajoutez ajoute ajouter
        inscrivez readd
    ];
    /// Up, in, on.
    UP [up in on ups];
    /// To turn.
    TURN [turn turning shut switch turned];
    /// Unstopped, in French.
    RE_WRITE [reecrire recrire ravoir recontacter retexter];

    /// The auxiliary of questions.
    DOES [did do does];
    /// Who does, in a question.
    SUBJECT [you u i it they we he she the ya your my this];
    /// Of, in French, before a vowel.
    D [d];
    /// To press someone.
    PUSHING [
        asking trying selling telling begging offering pushing wasting gaspiller promoting pitching
        inviting coming pretending demander essayer vendre offrir
    ];
    /// Unwanted.
    UNWANTED [unwanted unsolicited unwelcome indesirable indesirables];
    /// Welcome.
    WELCOME [welcome bienvenus bienvenue appreciated wanted];
    /// Harassed.
    HARASSED [harassed harcele harcelee];
    /// A name that is none of ours: a word in the middle of a sentence with a capital.
    PROPER [];
    /// Someone else's.
    HERS [her his their son sa leur];
    /// Said of one's own mistake.
    OOPS [oops oups ooops woops whoops];
    /// Had.
    HAD [had];
    /// To let.
    LET [let];
    /// To beat.
    BEAT [beat];
    /// To stop, as one wishes someone did.
    ARRETIEZ [arretiez cessiez];
    /// A removal.
    RETRAIT [retrait removal];
    /// To leave a list.
    EXIT [sortir quitter leave exit];
    /// News of a shop.
    NOUVELLES [nouvelles nouvelle];
    /// Thanks.
    THANKS [merci thanks thank];
    /// To know.
    KNOW [know connais sais];
    /// Not, in French, before an adjective.
    NON [non];
    /// To lodge.
    PORTER [porte porter depose deposer deposee fait faite];
    /// To come back.
    RETURN [revenir retourner return];
    /// From, in French.
    FROM_FR [du from];
    /// What.
    WHAT [what which where quel quelle ou];
    /// To understand.
    UNDERSTAND [understand comprenez comprends];
    /// What a shop does to a thing or a body.
    WORK [
        work repair repairs treatment surgery procedure proofing extraction xray xrays charge
        charges extra travaux reparation reparations traitement tint cut color colour
    ];
    /// Family.
    FAMILY [
        wife husband mother mom dad father son daughter kids kid family parents sister brother femme
        mari mere pere fils fille enfants famille blonde chum moms dads daughters sons wifes
        husbands mothers fathers
    ];
    /// Left.
    LEFT [left];
    /// Blocked, or reported.
    BLOCKED [blocked reported bloque bloques signale];
    /// To go easy.
    EASE [chill ease cool slow tone calmez calme relax relaxez slaquez slack];
    /// To hate.
    HATE [hate hais deteste detest despise dislike];
    /// Meant.
    MEANT [mean meant meaning voulu];
    /// To see.
    SEE [see seen find found read open hear heard];
    /// Sure.
    SURE [sure ensure certain];
    /// From, in French, before what someone is taken off.
    DE [de du des];
    /// Numbers.
    NUMBERS [numbers number];
    /// Your, and never you.
    VOTRE [your ur yr vos votre tes ton];
    /// Against the law.
    ILLEGAL [illegal illegale];
    /// Who does, and is not the shop.
    NOT_YOU [i it they we he she the my this];
    /// Would.
    VOULEZ [voulez pouvez pourriez devez devriez veux peux faut vous tu];
    /// To include.
    INCLUDE [include add put inclure incluez];
    /// To store.
    STORE [store keep save garder gardez conserver conservez];
    /// It used to be.
    USED [used];
    /// Against.
    ANTI [anti];
    /// To accept.
    ACCEPT [accept do take];
    /// To stay.
    STAY [stay];
    /// The digits of a telephone number.
    DIGITS [];
    /// A keyword that is an order wherever it stands, where `arrête` may be said of a thing.
    STOP_ORDER [
        stop stpo sotp tsop stap stahp stopp sttop sstop arretez aretez arettez cessez stoppez
        unsubscribe unsub
    ];
    /// To get rid.
    RID [rid debarrasser debarrassez debarasser];
    /// Who.
    WHO [who qui];
    /// To live somewhere.
    LIVE [habite habitent reste vit live lives living work works];
    /// To be after someone.
    LOOKING [looking seeking cherchez cherches think pensez want trying];
    /// Him or her.
    HIM [elle him her he she lui il];
    /// A customer.
    CLIENT [customer client cliente clients customers];
    /// Whom a letter is meant for.
    DESTINATAIRE [destinataire contact];
    /// To shut.
    SHUT [shut];
    /// A mouth, rudely.
    GUEULE [gueule yeule gueules];
    /// The camp that people are told to clear.
    CAMP [camp];
    /// To find.
    FIND [find go trouvez trouve];
    /// You, as a French object.
    VOUS_TE [vous vs te t yourself toi toe];
    /// What is sent in a text.
    THING_SENT [
        address adresse price prices prix quote code codes link lien facture invoice bill receipt
        details info photo photos picture pictures pics time heure total directions name soumission
        montant list liste menu
    ];
    /// Several, in English.
    THESE_EN [these those them];
    /// Over.
    FINI [fini finis finies finie fin termine finito];
    /// To drive.
    DRIVE [drive driving];
    /// To undo.
    UNDO [undo resume ignore disregard reprendre reprenez ignorez];
    /// To send again.
    RENVOYER [renvoyer renvoyez reenvoyer];
    /// To talk.
    TALK [talking talk speaking];
    /// How `stop` is mistyped, and how `s'il te plaît` is shortened.
    STP [stp top sop];
    /// Of no use.
    USELESS [inutile peine];
    /// To consent, in French.
    CONSENS [consens autorise];
    /// What asks whether one may.
    CAN_ASK [can could pouvez];
    /// To start again.
    RESTART [
        resume resuming restart recommencer recommencez recommence reprendre reprenez restarting
        restarter
    ];
    /// What leads to a keyword at the end of a clause.
    LEAD_IN [
        but just please pls plz svp ok okay thanks thx merci mais now wtf sorry no non nope
        seriously so omg god yo dude bro man lol elsewhere already anymore thanx enough bon ben donc
        mautadit
    ];
    /// The French verb, whose places to stop have no preposition of their own.
    ARRETER [
        arrete arretez arreter arretes arretent arretons arreterai arreterais aretez arrette arettez
    ];
    /// The noun.
    STOP_NOUN [stop stops arret arrets];
    /// You, where it is the object or subject in French.
    VOUS [vous vs];
    /// You, as an object.
    OBJECT_YOU [you u vous yall];
    /// What makes a place a moment.
    MOMENT [once instant moment plus bon now good amour that immediately time point];
    /// The reflexive pronoun of the French verb.
    REFLEXIVE [s m];
    /// It is.
    IS [is its est cest are am theres theyre];
    /// To be.
    BE [be being get etre getting];
    /// If.
    IF [if si];
    /// How.
    HOW [how comment];
    /// Could.
    CAN [can could pouvez pourriez peux peut may will would puis];
    /// Has been asked in the past.
    DID_NOT [did why have has had if didnt];
    /// I will.
    PROMISE [ill promise vais promets];
    /// Excuses.
    SORRY_FOR [for sorry];
    /// Enough, in French.
    SUFFIT [suffit sufit];
    /// The words of `ça va faire`.
    VA [va];
    /// The words of `ça va faire`.
    FAIRE [faire];
    /// Done with.
    OVER [over];
    /// To.
    TO_EN [to];
    /// To know.
    SAVOIR [savoir];
    /// Of it.
    EN [en yen];
    /// What only English removes, so that what comes next is not what is removed.
    REMOVE_EN [
        remove rem remve rmv rmve remov rmove delete erase unlist removing deleting unadd exclude
        scrub purge
    ];
    /// Removed, in English.
    REMOVED_EN [removed];
    /// Me, before a French verb.
    ME_FR [me m nous];
    /// It, in French.
    LE [le l la les];
    /// There.
    LA [la ca ici];
    /// Having asked.
    ASKED [request requesting asked ask demande demander asking];
    /// To be on a list.
    ON [on sur dans];
    /// Should.
    SHOULD [should devrait devrais devriez];
    /// Should not.
    SHOULD_NOT [shouldnt];
    /// A price.
    PRICE [price prices prix];
    /// What is wrong besides a telephone number.
    OF_WHAT [of on de du d sur its is cest];
    /// Into, of a folder.
    IN_PLACE [in to dans into];
    /// In.
    IN [in];
    /// Where unwanted mail goes.
    FOLDER [folder filter filters box musubi dossier];
    /// To have.
    HAVE [have has ai avoir as avez a eu];
    /// Someone else.
    SOMEONE [quelquun someone somebody another different else quelqu autre new stranger];
    /// Changed.
    CHANGED [change changed];
    /// An owner.
    OWNER [proprietaire proprio owner owners mains hands];
    /// At.
    AT [at];
    /// Off.
    OFF_ONLY [off];
    /// Out.
    OUT_ONLY [out];
    /// To swear.
    FUCK [fk fuck fck fuk fuckk piss bugger sod];
    /// Go, in French.
    ALLEZ [allez va vas];
    /// Where to, rudely.
    CHIER [chier diable foutre];
    /// To cut.
    CUT [cut];
    /// Rest.
    REST [rest];
    /// Never, in French.
    JAMAIS [jamais];
    /// Nothing, in French.
    RIEN [rien nothing];
    /// Signed up, with nothing said of what for.
    SIGN_UP_ONLY [
        signed signup subscribe subscribed opted registered inscrit inscrite abonne consented
        consenti consent demande
    ];
    /// To revoke.
    REVOKE_ONLY [revoke];
    /// To forbid.
    FORBID [
        refuse refusons oppose interdis interdit interdisons forbid forbidden prohibit interdiction
        defense decline declines reject
    ];
    /// To use.
    USE [utiliser utilisez utilise use using used];
    /// To put.
    PUT [put mettre mettez mets mettent];
    /// An end that is put to something.
    ENDING [fin terme stop end];
    /// A subscription.
    SUBSCRIPTION [
        inscription subscription subscriptions abonnement abonnements suscripcion enrollment
    ];
    /// Everything.
    ALL [all any everything every tout tous toute toutes anything];
    /// That is.
    C [c];
    /// What joins two clauses.
    CONNECTIVE [and et mais but que];
    /// What is promoted.
    JUNK_OFFERS [
        solicitation promos promotions promo ads offers offres pub pubs publicite publicites
        solicitations marketing coupons deals
    ];
    /// To unblock.
    UNBLOCK [unblock debloquez debloquer];
    /// To add, in French.
    ADD_FR [
        remettre remettez remets rajoutez rajoute rajouter ajoutez ajoute ajouter inscrivez inscrire
    ];
    /// To put back, in French.
    REMETTRE [remettre remettez remets];
    /// Welcome to.
    OKAY [fine welcome free ok okay];
    /// Again.
    BACK_ONLY [again nouveau back];
    /// Who replies.
    REPLYING [replying texting typing sending];

    // What tells one wish from another.

    /// To be interested.
    INTERESTED [
        interest interested intrested interestd interests interet interesse interessee interessees
        interesses interessent interesser interesting
    ];
    /// What a shop sells.
    OFFERED [
        service services product products business company offers offre offres store shop produits
        magasin selling
    ];
    /// To miss.
    MISS [miss missing missed manquer manque rater lose losing perdre];
    /// Just, of what one wants instead.
    JUST [just only juste seulement but mais though];
    /// To telephone, in French.
    CALL_FR [appelez appeler rappelez rappeler telephonez telephoner repondez repondre];
    /// Died.
    DIED [died deceased dead passed decede decedee mort morte decedes];
    /// The conversation itself.
    CONVERSATION [
        conversation chat thread group groupe service communication communications contact sequence
    ];
    /// A line without a screen.
    LANDLINE [landline];
    /// A child.
    CHILD [kid kids child childs childrens enfant minor daughter daughters son sons fille fils];
    /// What one who is texted too much writes.
    REVIEW [review reviews star stars avis dare swear];
    /// To wish, in English.
    IF_OR_WISH [if wish appreciate like love prefer want];
    /// To get in touch of one's own accord.
    SOLICIT [
        contact contacting message messaging messaged follow followup following keep keeping solicit
        write reach ping
    ];
    /// What may happen.
    WHAT_IF [happens happen quoi difference what];
    /// Never, of a fact.
    NEVER [never];
    /// No longer.
    ANYMORE [anymore];
    /// This one, and not a thing ordered.
    THIS_ONE [this that these those them ca cela ceci theses];
    /// To eat.
    EAT [mange mangez eat];
    /// Dirt.
    MERDE [marde merde shit];
    /// To disturb.
    DISTURB [disturb disturbed];
    /// This, in English.
    THIS_EN [this];
    /// To answer.
    ANSWER [reply respond answer repondre repondez];
    /// At a place.
    AT_OR_AU [at au while];
    /// Where one works.
    WORKPLACE [work working travail bureau ouvrage job school office];
    /// Where to click.
    INTERNET [link lien website site url page button];
    /// What someone has with a shop besides a number.
    BELONGING [
        card cards visa mastercard credit debit payment address adresse carte photo photos picture
        coat jacket car bike truck
    ];
    /// Who, in questions of who texts.
    WHO_IS [who whos whose qui ki];
    /// What a nuisance does to someone.
    ANNOYING [
        annoying annoys intrusive crazy nuts insane ridiculous nerfs nerf enerve enervent enervant
        achale achalent achalant derange derangent derangeant gosse gossent gossant gossants tannant
        tannants tannante fatigant fatigants fatiguant agacant irritating irritant pissing bothering
        bother bothers disturbing ecoeure ecoeurent harassing nuisance upsetting stressing
        distracting achalants achalante fatigante enervez enerves derangez gosses ecoeures achales
        achalez annoy nerves
    ];
    /// Times, as they are counted.
    TIMES [times fois time];
    /// To respect.
    RESPECT [respect respectez honour honor];
    /// Forgotten.
    FORGOTTEN [forgotten oublie];
    /// Reported as.
    FLAGGED [marked flagged marking flagging mark flag reported marque];
    /// To look forward to.
    EXPECT [expect letter hear hearing entendre lettre];
    /// Against.
    AGAINST [against contre];
    /// The law.
    LAW [law loi laws lois];
    /// To shut up or to move over, rudely, in French.
    SHUT_FR [farme ferme fermez farmez tasse tassez];
    /// What one stops somewhere to do.
    ERRAND [pick grab get drop see check buy chercher prendre voir look];
    /// The pronoun.
    IT [it];
    /// To hold oneself back.
    HESITATE [hesitate hesitez hesite genez gene shy worry mind];
    /// To sign, which is not to sign up.
    SIGN [sign signed signing sined signe];
    /// To send, in Spanish.
    MANDAR [
        mande manden mandes manda mandar envien envies enviar escriban escriba escribas escribir
        contacten escribirme enviarme mandarme
    ];
    /// To ask kindly.
    PLEASE [please pls plz];
    /// Said in jest to someone kind.
    JEST [
        blush blushing hungry kind nice sweet funny laugh laughing drool drooling jealous best great
        cute haha hahaha cry
    ];
    /// Remove me, in Spanish.
    REMOVE_ES [quiteme quitenme saquenme saqueme borrenme borreme eliminenme elimineme];
    /// Whose texts they may be.
    ORIGIN [
        number company business shop store service numero compagnie entreprise text texts message
        messages salon textos
    ];
    /// What, in French.
    QUOI [quoi quel quelle];
    /// Back, in English.
    BACK_EN [back];
    /// To follow up.
    FOLLOW [follow followup followups];
    /// Last.
    LAST [last dernier derniere final];
    /// To hope.
    HOPE [hope hopefully trust better espere soit assume want];
    /// A warning.
    WARNING [warning avertissement];
    /// How many.
    HOW_MANY [many combien];
    /// To do business.
    AFFAIRE [affaire affaires business];
    /// To object.
    OBJECT [object];
    /// Early.
    EARLY [early];
    /// To cease, in French.
    CESSER [cesser cessez];
    /// Another way to write.
    CHANNEL [facebook fb instagram insta whatsapp messenger email];
    /// Good, before what French ends with.
    BONNE [bonne belle];
    /// Of, in English.
    OF_EN [of];
    /// How few texts are too many.
    QUANTITY [another single one further additional seul seule more autre autres un une];
    /// Died, of a person.
    DECEASED [deceased passed decede decedee decedes];
    /// Down.
    DOWN [down];
    /// What messages may be a part of.
    APP [app system package software];
    /// A first name that no thing has: it is [`PROPER`] in small letters too.
    FIRST_NAME [
        brenda carlos kevin brian linda martine josee mario robert steve stephen steven
        sylvie nathalie isabelle julie melanie stephanie caroline annie chantal johanne
        louise diane francine manon lucie helene monique nicole therese ginette jocelyne
        danielle josiane genevieve valerie veronique sebastien mathieu matthieu maxime
        alexandre frederic francois jacques michel michael mike daniel dan denis yves andre
        rene roger gilles normand rejean serge luc benoit eric martin simon etienne
        guillaume vincent olivier philippe patrick stephane sylvain alain claude gerard
        marcel raymond jennifer jessica ashley amanda sarah melissa michelle kimberly
        heather lisa karen susan sandra donna carol barbara debbie deborah cheryl kathy
        cathy nancy betty dorothy margaret patricia laura rebecca rachel emily emma olivia
        sophie sophia chloe zoe jason justin joshua jeremy matthew andrew anthony tony ryan
        kyle tyler derek greg gregory jeff jeffrey scott doug keith gary larry jerry terry
        barry harry henry george james jim john johnny jonathan joseph joe david dave peter
        paul thomas tom tim timothy richard rick charles charlie christopher chris edward
        benjamin sam samuel adam aaron alex nick nicholas nathan marie maria jose juan pedro
        luis miguel ana rosa carmen fatima mohamed mohammed ahmed ali omar hassan priya raj
        wei ling
    ];
    /// What was not asked for.
    NEEDED [needed required];
    /// And then, of a threat.
    THEN [and et pis pi];
    /// The list of those not to be solicited.
    EXCLUSION [exclusion];
    /// To be there soon.
    ARRIVAL [arrive arrives arrivee arriver arrival arriving];
    /// How old a child is.
    YEARS [year years yr ans];
    /// To work, of a service.
    WORKS [work works marche marchent fonctionne fonctionnent];
    /// What a service understands.
    COMMANDS [commands command keywords commandes];
    /// Where commands are listed.
    MENU [menu options];
    // Small words.

    /// Said around a keyword without changing it.
    POLITE [
        rn bye goodbye veuillez priere svpl please pls plz plse pleas plese plea pleez plss ples svp
        stp s sil il plait merci mrc thanks thank thx thnx thnks ty tks tnx tyvm ok okay okey k kk
        now right maintenant immediately immediatement asap tout suite hey hi hello bonjour bonsoir
        allo salut yo sorry srry sry desole desolee dsl just kindly sir maam madame monsieur mr mrs
        ms folks guys guy everyone dude bro buddy man already deja so and et pis puis alors donc
        dear cheers yes yeah yea yep no nope nah non oui really vraiment pour instant journee bonne
        soiree day nice great have a you vous te de la today effective une fois all t forever
        permanently completely altogether definitivement u ya fr lol lmao ffs smh tho n v p don sent
        iphone pleaseee at du pantoute whatsoever period point moi vouloir jour once immediat favor
        por gracias final exclamation un
    ];
    /// Said within a wish without changing it.
    LIGHT [
        bon bien ben est sont etes suis the a an of to with w for all any some each every also very
        on in from by at as is are be being am was do does le la les l un une des de du d au aux en
        y par sur pour avec dans tous toutes toute qui que qu damn dang goddamn fucking fuckin
        freaking frickin fkn fking effing bloody stupid dumb annoying ridiculous maudit maudits
        maudite maudites ostie osti esti hostie criss crisse tabarnak tabarnac calisse calice
        sacrament simonac viarge marde hell heck f ck ing king literally honestly seriously
        constantly always actually even ever only same own here ici daily weekly mailing
        distribution phone promotional promo marketing automated automatic automatique automatiques
        unwanted random useless endless constant promotionnel promotionnels publicitaire
        publicitaires future futur if it this that these those them your ur yr vos votre vot me us
        moi nous m more anymore further about such kind type sort stuff guys people shop store
        company business via through out up again back just simply et and let like ok fait ca s new
        effect immediately tout autre autres mobile personal cell whole entire dam mauditement
        sacrement genre tes tant vous te tu texte sms t thing stopsign our r vouloir ce cette ces
    ];
    /// A keyword that was typed in capitals while the rest was not.
    STRESSED [];

    // Words to be left alone.

    /// Real words one mistake away from a word of ours, and not meant by it. No phrase
    /// has it: it is enough that the words are known.
    #[cfg_attr(not(test), expect(dead_code, reason = "no phrase has it"))]
    ANOTHER_WORD [
        accorde accords arrest arrests badger bagging banner barrette barrettes bending bosser
        bosses brother bulging bummer casing casser casses cassez cassiez chasing coding commande
        commander commencee commenter commerce compacting concert conducting connecting containing
        content contente contenter contents contesting contract contracted contracting contracts
        contrasting contrat contrats convent correspondance correspondent couler coulez creasing
        deactivated decrire decrivez delire demarquer demarrer demarrez depleted deranges desired
        easing ecrite ecrites ecriture editer effaces elever elevez emission enlist enlisted ennuye
        envies envoles eraser etirer etirez farther father fending finisse fishing followup fosses
        founding gather gousses grosser grosses hugging importer importez inscription intercepted
        interets internet jarret lather leasing lending lesser letting limerais lumber manner
        massage massaged massages massaging menage menages mending messager messagers messes messing
        modification modifications mother mounding necessary necessite netting nombre nombres nommer
        notified numbers numerous ordering pannes panted parler parles partez patiente pending
        percussion permissions petting pinning portez poster pounding preter pretez rappel rappele
        rappeler rappelez receiver receives recommend recommended reliance relieve relire remainders
        remaining reminder remission remote remover rendez renvoie repaying replaying repond reponds
        resist resounding restarted restating rester restez restored restoring retaining retired
        retraining rewire rewiring rouler roulez rounding sanding scammer seeding sensing setting
        settings shopper shopping singing sorted sortes sortie sorties sounding spasme spending
        stacking staining staking staring starring starving stating stepper stepping strike striker
        stripe stroke summer tanned teaching tending tented tenter tentez tested tester testes
        testez testing textile texture tirer tonner topping tranquil tranquillite update updated
        vending vetting vidange virer virez voiding waited washing wasted wetting wounding masse
        masses lits otre saint sainte
    ];
}

/// Words that may be told apart from a mistyped one: their concepts alone count.
const TOLERANT: Set = KEYWORD
    .or(OPT)
    .or(CEASE)
    .or(UNSUBSCRIBE)
    .or(UNSUBSCRIBED)
    .or(TEXT)
    .or(TEXTS)
    .or(TEXTING)
    .or(CONTACT)
    .or(ECRIRE)
    .or(SEND)
    .or(RECEIVE)
    .or(CONTACTED)
    .or(NUMBER)
    .or(REMOVE)
    .or(REMOVED)
    .or(RESUBSCRIBE)
    .or(AGAIN)
    .or(CONSENT)
    .or(ALONE)
    .or(SPAM)
    .or(BOTHER)
    .or(START)
    .or(WANT);

/// Short words that may be told apart when two neighbours of their letters are swapped.
const SWAPPABLE: Set = TAKE
    .or(YOUR)
    .or(LIST)
    .or(TEXT)
    .or(TEXTS)
    .or(CEASE)
    .or(WANT)
    .or(SEND)
    .or(LEAVE)
    .or(ALONE)
    .or(WRONG)
    .or(NOT)
    .or(THESE)
    .or(MORE)
    .or(PHONE);

/// Where the words of the vocabulary are found: at the slot of their hash or behind
/// it, as their index counted from one. Made by the compiler, so that a function
/// starts no slower for it.
static SLOTS: [u16; SLOT_COUNT] = slots();

/// Twice the words or more, and a power of two.
const SLOT_COUNT: usize = 16384;

#[expect(clippy::indexing_slicing, reason = "run by the compiler alone")]
const fn slots() -> [u16; SLOT_COUNT] {
    let mut slots = [0; SLOT_COUNT];
    let mut index = 0;
    while index < VOCABULARY.len() {
        let mut slot = first_slot(VOCABULARY[index].0);
        while slots[slot] != 0 {
            slot = (slot + 1) % SLOT_COUNT;
        }
        index += 1;
        slots[slot] = index as u16;
    }
    slots
}

/// The slot of a word by its hash (FNV-1a).
const fn first_slot(word: &str) -> usize {
    let mut hash: u32 = 0x811c_9dc5;
    let mut rest = word.as_bytes();
    while let [byte, after @ ..] = rest {
        hash = (hash ^ *byte as u32).wrapping_mul(0x0100_0193);
        rest = after;
    }
    (hash ^ (hash >> 15)) as usize % SLOT_COUNT
}

/// What `word` stands for as it is spelled; `None` if it is not in the vocabulary.
pub(super) fn exactly(word: &str) -> Option<Set> {
    let start = first_slot(word);
    // A word has as many entries as concepts, each in the next slot that was free.
    (start..start + SLOT_COUNT)
        .map_while(|slot| {
            let index = SLOTS.get(slot % SLOT_COUNT)?.checked_sub(1)?;
            VOCABULARY.get(usize::from(index))
        })
        .filter(|(known, _)| *known == word)
        .map(|(_, position)| Set::single(*position))
        .reduce(Set::or)
}

/// What `word` stands for as it is spelled, but for letters that are drawn out or
/// typed as digits.
pub(super) fn spelled(word: &str) -> Option<Set> {
    exactly(word)
        .or_else(|| [2, 1].into_iter().find_map(|run| exactly(&spelling::plain(word, run)?)))
}

/// A word that is known when mistyped.
type Known = (Shape, &'static str);

/// The words that are known when mistyped.
struct KnownMistyped {
    /// Those that may have one mistake, by their first two letters and again by their
    /// last two, in order: one mistake leaves one of the two as it is.
    by_ends: Vec<(Ends, Known)>,
    /// Those that are long enough for two mistakes.
    long: Vec<Known>,
}

/// Two letters of a word, and whether they are its last.
type Ends = (bool, [u8; 2]);

/// The first two letters of `word`, and its last two.
fn ends(word: &str) -> Option<[Ends; 2]> {
    let bytes = word.as_bytes();
    Some([(false, *bytes.first_chunk()?), (true, *bytes.last_chunk()?)])
}

static KNOWN_MISTYPED: LazyLock<KnownMistyped> = LazyLock::new(|| {
    let mut known = KnownMistyped { by_ends: Vec::new(), long: Vec::new() };
    for (word, position) in VOCABULARY {
        match Shape::of(word).filter(|_| Set::single(*position).meets(TOLERANT)) {
            Some(shape) if shape.tolerance() > 1 => known.long.push((shape, *word)),
            Some(shape) => {
                known
                    .by_ends
                    .extend(ends(word).into_iter().flatten().map(|ends| (ends, (shape, *word))));
            }
            None => {}
        }
    }
    known.by_ends.sort_unstable_by_key(|(ends, (_, word))| (*ends, *word));
    known.by_ends.dedup_by_key(|(ends, (_, word))| (*ends, *word));
    known.long.sort_unstable_by_key(|(_, word)| *word);
    known.long.dedup_by_key(|(_, word)| *word);
    known
});

/// What the word stands for that `word` nearly is.
pub(super) fn mistyped(word: &str) -> Option<Set> {
    let shape = Shape::of(word)?;
    let KnownMistyped { by_ends, long } = &*KNOWN_MISTYPED;
    let alike = ends(word)?.into_iter().flat_map(|ends| {
        let start = by_ends.partition_point(|(known, _)| *known < ends);
        let alike = by_ends.iter().skip(start).take_while(move |(known, _)| *known == ends);
        alike.map(|(_, known)| known)
    });
    let (_, meant) = alike
        .chain(long)
        .filter_map(|(known_shape, known)| {
            Some((spelling::mistakes(word, shape, known, *known_shape)?, *known))
        })
        .min()?;
    exactly(meant)
}

/// What the short word stands for that `word` is but for two neighbours: `tkae` is
/// `take`. Too short a word for [`mistyped`] has no other mistake to be known by.
pub(super) fn swapped(word: &str) -> Option<Set> {
    if !(4..6).contains(&word.len()) || !word.is_ascii() {
        return None;
    }
    let mut letters = [0; 5];
    let letters = letters.get_mut(..word.len())?;
    (1..word.len()).find_map(|second| {
        letters.copy_from_slice(word.as_bytes());
        letters.swap(second - 1, second);
        exactly(str::from_utf8(letters).ok()?).filter(|set| set.meets(SWAPPABLE))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_with_all_its_concepts() {
        for (word, position) in VOCABULARY {
            assert!(exactly(word).is_some_and(|set| set.meets(Set::single(*position))), "{word}");
        }
        assert!(exactly("stop").unwrap().meets(CEASE) && exactly("stop").unwrap().meets(KEYWORD));
        assert_eq!(exactly("bicycle"), None);
    }

    #[test]
    fn there_is_room_for_the_vocabulary() {
        assert!(VOCABULARY.len() * 2 <= SLOT_COUNT);
    }

    #[test]
    fn words_are_known_when_mistyped_unless_they_are_words() {
        for (word, want) in [
            ("unsuscirbe", "unsubscribe"),
            ("texitng", "texting"),
            ("mesages", "messages"),
            ("stoooop", "stop"),
            ("st0p", "stop"),
            ("desabonnnez", "desabonnez"),
        ] {
            let set = spelled(word).or_else(|| mistyped(word));
            assert!(set.is_some_and(|set| set.meets(exactly(want).unwrap())), "{word}");
        }
        assert!(exactly("massage").is_some_and(|set| set.meets(ANOTHER_WORD)));
        for (word, want) in [("tkae", "take"), ("yuor", "your"), ("wnat", "want"), ("tetx", "text")]
        {
            assert_eq!(spelled(word).or_else(|| swapped(word)), exactly(want), "{word}");
        }
        for word in ["form", "lits", "take"] {
            assert!(swapped(word).is_none() || exactly(word).is_some(), "{word}");
        }
        for word in ["massage", "testing", "contract", "bicycle", "appointments"] {
            let set = spelled(word).or_else(|| mistyped(word));
            assert!(!set.is_some_and(|set| set.meets(TOLERANT)), "{word}");
        }
    }
}
