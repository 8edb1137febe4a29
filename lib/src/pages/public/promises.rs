//! What the product promises: the table the security page is made of.
//!
//! Each promise says what makes it true, how far it goes, and which tests hold it.
//! The tests bear its name, `promise_` and its id, or that of a promise which says
//! more; a test sees to it that they exist.

use crate::pages::words::Text;

/// A promise.
#[derive(Debug)]
pub struct Promise {
    /// What it is called, here and in the names of tests.
    pub id: &'static str,
    /// The promise itself.
    pub text: Text,
    /// What makes it true.
    pub how: Text,
    /// What it does not cover, if there is anything.
    pub limits: Option<Text>,
    /// Tests that fail when it is not kept.
    pub tests: &'static [&'static str],
}

/// The day and the commit of the last run of all tests that passed, told to the compiler
/// by who builds what was tested. Nobody told it otherwise.
pub const PROVEN: Option<&str> = option_env!("LEADSLOCK_PROVEN");

/// All of them.
pub static PROMISES: [Promise; 27] = [
    Promise {
        id: "store.supabase",
        text: Text {
            en: "Your business profile, customers and conversations are stored in Supabase Postgres.",
            fr: "Votre profil, vos clients et vos conversations sont dans Supabase Postgres.",
        },
        how: Text {
            en: "They are tables of one database that nothing but named functions can reach; pictures are in a private bucket of the same project.",
            fr: "Ce sont des tables d’une seule base que seules des fonctions nommées atteignent; les images sont dans un compartiment privé du même projet.",
        },
        limits: None,
        tests: &["promise_store_supabase_profile_leads_and_texts_are_tables_of_schema_app"],
    },
    Promise {
        id: "host.vercel",
        text: Text {
            en: "All web and API traffic runs through Vercel.",
            fr: "Tout le trafic web et API passe par Vercel.",
        },
        how: Text {
            en: "Pages and functions are one deployment; there is no other server.",
            fr: "Pages et fonctions forment un seul déploiement; il n’y a pas d’autre serveur.",
        },
        limits: Some(Text {
            en: "Vercel ends the encrypted connection at the point of presence nearest to you, which may be outside Canada, and passes the request on to Montréal.",
            fr: "Vercel termine la connexion chiffrée au point de présence le plus proche de vous, parfois hors du Canada, puis transmet la requête à Montréal.",
        }),
        tests: &["promise_host_vercel_every_page_and_function_is_deployed_there"],
    },
    Promise {
        id: "cards.never",
        text: Text {
            en: "Stripe handles every card. Card numbers never touch our servers.",
            fr: "Stripe s’occupe de chaque carte. Aucun numéro de carte ne touche nos serveurs.",
        },
        how: Text {
            en: "Paying happens on Stripe’s own pages. If somebody texts a card number to a shop, it passes through our memory, is masked before anything is stored and before the assistant sees it, and Twilio’s copy of the text is emptied.",
            fr: "Le paiement se fait sur les pages de Stripe. Si quelqu’un texte un numéro de carte, il passe par notre mémoire, est masqué avant tout enregistrement et avant que l’assistant ne le voie, et la copie du texto chez Twilio est vidée.",
        },
        limits: Some(Text {
            en: "A texted number does reach Twilio and our memory before it is masked. We recognise numbers by issuer, length and check digit, also over several texts; one that is spelled out in words, or is in a picture, is not recognised.",
            fr: "Un numéro texté atteint Twilio et notre mémoire avant d’être masqué. Nous le reconnaissons par émetteur, longueur et chiffre de contrôle, même sur plusieurs textos; épelé en mots ou dans une image, il n’est pas reconnu.",
        }),
        tests: &[
            "promise_cards_never_an_owner_subscribes_at_stripe",
            "promise_cards_never_nor_personal_data_reach_database_or_model",
            "promise_cards_never_numbers_are_masked_however_they_are_texted",
            "promise_cards_never_a_number_split_over_texts_is_not_stored",
        ],
    },
    Promise {
        id: "sms.twilio",
        text: Text { en: "Texts travel through Twilio.", fr: "Les textos passent par Twilio." },
        how: Text {
            en: "There is one way to send a text, and it leads to Twilio’s API.",
            fr: "Il n’y a qu’une façon d’envoyer un texto, et elle mène à l’API de Twilio.",
        },
        limits: Some(Text {
            en: "Twilio and the phone carriers see every text, in the United States too. Texts are not end-to-end encrypted; no SMS is.",
            fr: "Twilio et les opérateurs voient chaque texto, aux États-Unis aussi. Un SMS n’est jamais chiffré de bout en bout.",
        }),
        tests: &["promise_sms_twilio_texts_have_one_way_out"],
    },
    Promise {
        id: "canada.data",
        text: Text {
            en: "Your data at rest is in Montréal, Canada (ca-central-1).",
            fr: "Vos données au repos sont à Montréal, au Canada (ca-central-1).",
        },
        how: Text {
            en: "Database and files are a Supabase project in ca-central-1; every function of ours is pinned to Vercel’s Montréal region, and a test refuses one that is not.",
            fr: "La base et les fichiers sont un projet Supabase à ca-central-1; chacune de nos fonctions est fixée à la région Montréal de Vercel, et un test refuse celle qui ne l’est pas.",
        },
        limits: Some(Text {
            en: "Twilio, Stripe and Groq process what they receive in the United States; the privacy page lists what each gets. The providers are American companies, which American courts can reach.",
            fr: "Twilio, Stripe et Groq traitent ce qu’ils reçoivent aux États-Unis; la page de confidentialité dit ce que chacun reçoit. Les fournisseurs sont des entreprises américaines, que les tribunaux américains peuvent atteindre.",
        }),
        tests: &["promise_canada_data_functions_run_in_montreal"],
    },
    Promise {
        id: "tls.hsts",
        text: Text {
            en: "HTTPS only. Every response tells browsers to use nothing else (HSTS).",
            fr: "HTTPS seulement. Chaque réponse dit aux navigateurs de n’utiliser rien d’autre (HSTS).",
        },
        how: Text {
            en: "One header policy is on every response, errors included: two years, subdomains, preload.",
            fr: "Une seule politique d’en-têtes est sur chaque réponse, erreurs comprises : deux ans, sous-domaines, préchargement.",
        },
        limits: Some(Text {
            en: "A browser knows it from its second visit on, unless the domain is on the browsers’ preload list. TLS 1.2 and 1.3 are taken; the caller chooses.",
            fr: "Un navigateur le sait dès sa deuxième visite, sauf si le domaine est sur la liste de préchargement. TLS 1.2 et 1.3 sont acceptés; l’appelant choisit.",
        }),
        tests: &["promise_tls_hsts_and_headers_are_on_every_response_once"],
    },
    Promise {
        id: "rest.aes",
        text: Text {
            en: "Data at rest is encrypted with AES-256.",
            fr: "Les données au repos sont chiffrées en AES-256.",
        },
        how: Text {
            en: "Supabase encrypts database, files and its own backups at rest.",
            fr: "Supabase chiffre la base, les fichiers et ses propres copies au repos.",
        },
        limits: Some(Text {
            en: "That is Supabase’s work and statement; no test of ours can look at its disks. It protects against a stolen disk, not against somebody with the keys to the service.",
            fr: "C’est le travail et la déclaration de Supabase; aucun de nos tests ne peut voir ses disques. Cela protège contre un disque volé, pas contre qui détient les clés du service.",
        }),
        tests: &["promise_rest_aes_the_page_says_whose_work_it_is"],
    },
    Promise {
        id: "password.bcrypt",
        text: Text {
            en: "Passwords are never stored in clear: bcrypt, with a salt each.",
            fr: "Les mots de passe ne sont jamais enregistrés en clair : bcrypt, avec un sel chacun.",
        },
        how: Text {
            en: "Supabase Auth keeps the hash. What you type passes through our memory on its way there, and no log has it.",
            fr: "Supabase Auth garde le hachage. Ce que vous tapez passe par notre mémoire, et aucun journal ne le contient.",
        },
        limits: Some(Text {
            en: "A password longer than 72 bytes (72 plain characters) is refused, because bcrypt would ignore the rest.",
            fr: "Un mot de passe de plus de 72 caractères simples est refusé, parce que bcrypt ignorerait le reste.",
        }),
        tests: &["promise_password_bcrypt_a_password_is_a_hash_in_the_database_and_nowhere_else"],
    },
    Promise {
        id: "secrets.env",
        text: Text {
            en: "API keys and webhook secrets are only in the environment of the server, never in the code.",
            fr: "Les clés et secrets ne sont que dans l’environnement du serveur, jamais dans le code.",
        },
        how: Text {
            en: "They are read once into a type that does not print itself; a test looks through the whole source, and others through every line of the log.",
            fr: "Ils sont lus une fois dans un type qui ne s’affiche pas; un test parcourt tout le code, d’autres chaque ligne du journal.",
        },
        limits: None,
        tests: &["promise_secrets_env_no_key_is_in_the_tree"],
    },
    Promise {
        id: "webhook.stripe",
        text: Text {
            en: "Stripe’s events are verified before any billing state changes, and replays have no effect.",
            fr: "Les événements de Stripe sont vérifiés avant tout changement de facturation, et les répétitions sont sans effet.",
        },
        how: Text {
            en: "The signature is checked on the raw bytes; event and effect are one transaction, in a log that knows each event once. Whatever an event says, Stripe is asked for the state.",
            fr: "La signature est vérifiée sur les octets bruts; l’événement et son effet sont une transaction, dans un journal qui connaît chaque événement une fois. Quoi que dise un événement, l’état est demandé à Stripe.",
        },
        limits: None,
        tests: &[
            "promise_webhook_stripe_any_order_of_events_ends_in_what_stripe_has",
            "promise_webhook_stripe_what_stripe_did_not_sign_is_refused_and_changes_nothing",
            "promise_webhook_stripe_deliveries_at_the_same_instant_have_one_effect",
        ],
    },
    Promise {
        id: "webhook.twilio",
        text: Text {
            en: "Every request of Twilio’s is verified; unsigned or mis-signed ones are dropped.",
            fr: "Chaque requête de Twilio est vérifiée; celles sans bonne signature sont écartées.",
        },
        how: Text {
            en: "A 403 before anything of it is read; both auth tokens count while one is being replaced.",
            fr: "Un 403 avant que rien n’en soit lu; les deux jetons comptent pendant un remplacement.",
        },
        limits: None,
        tests: &[
            "promise_webhook_twilio_unsigned_and_mis_signed_requests_are_dropped",
            "promise_webhook_twilio_a_rotation_of_the_token_drops_nothing",
        ],
    },
    Promise {
        id: "headers",
        text: Text {
            en: "HSTS, CSP, COOP, frame and MIME protection are on every page.",
            fr: "Protections HSTS, CSP, COOP, de cadre et MIME sur chaque page.",
        },
        how: Text {
            en: "One table in the code feeds every page, function and file, on every status. Pages may load our stylesheet and pictures, send forms to us, and nothing else: there is no script at all.",
            fr: "Une table du code alimente chaque page, fonction et fichier, pour chaque statut. Une page peut charger notre feuille de style et nos images, nous envoyer des formulaires, et rien d’autre : il n’y a aucun script.",
        },
        limits: Some(Text {
            en: "Browsers enforce them; an outdated browser may not.",
            fr: "Ce sont les navigateurs qui les appliquent; un navigateur dépassé peut ne pas le faire.",
        }),
        tests: &[
            "promise_headers_the_policies_begin_with_nothing_and_allow_ourselves_only",
            "promise_tls_hsts_and_headers_are_on_every_response_once",
        ],
    },
    Promise {
        id: "own.export",
        text: Text {
            en: "Export your profile, customers and conversations at any time, as JSON or CSV, within 5 business days.",
            fr: "Exportez votre profil, vos clients et vos conversations en tout temps, en JSON ou CSV, en 5 jours ouvrables.",
        },
        how: Text {
            en: "You start it yourself; it usually takes minutes. The due date is kept for each export and watched. The file holds what you need to check that it is complete and unaltered.",
            fr: "Vous le lancez vous-même; cela prend d’ordinaire quelques minutes. L’échéance de chaque exportation est tenue et surveillée. Le fichier contient de quoi vérifier qu’il est complet et intact.",
        },
        limits: Some(Text {
            en: "A bundle is kept for 7 days; then you make another.",
            fr: "Un fichier est gardé 7 jours; ensuite vous en faites un autre.",
        }),
        tests: &["promise_own_export_an_owner_exports_everything_from_the_page"],
    },
    Promise {
        id: "own.delete",
        text: Text {
            en: "You can delete your account. Backups of it are kept for at most 90 days; then everything is gone from live and backup storage.",
            fr: "Vous pouvez supprimer votre compte. Les copies sont gardées 90 jours au plus; ensuite tout a disparu.",
        },
        how: Text {
            en: "Data is removed from the service, and what could restore it is destroyed after 90 days.",
            fr: "Les données sont retirées du service, et ce qui permettrait de les rétablir est détruit après 90 jours.",
        },
        limits: Some(Text {
            en: "Stripe keeps invoices for as long as tax law demands. Carriers and Twilio keep their own records of past texts. That a number said stop is kept, as a fingerprint that cannot be read without our secret key.",
            fr: "Stripe garde les factures aussi longtemps que la loi fiscale l’exige. Les opérateurs et Twilio gardent leurs propres traces des textos passés. Qu’un numéro a dit d’arrêter est conservé, sous forme d’une empreinte illisible sans notre clé secrète.",
        }),
        tests: &[
            "promise_own_delete_an_account_is_closed_and_after_90_days_gone",
            "promise_own_delete_an_owner_closes_the_account_from_the_page",
            "promise_own_delete_the_page_names_what_others_keep",
        ],
    },
    Promise {
        id: "own.correct",
        text: Text {
            en: "You can see and correct what we hold.",
            fr: "Vous pouvez voir et corriger ce que nous détenons.",
        },
        how: Text {
            en: "Whatever we hold about your shop is shown to you and to nobody else; each request is checked against your account in the database itself.",
            fr: "Ce que nous détenons sur votre commerce vous est montré, et à personne d’autre; chaque requête est vérifiée contre votre compte dans la base même.",
        },
        limits: Some(Text {
            en: "Texts that were sent or received, and evidence of consent, are records: they can be erased, not rewritten.",
            fr: "Les textos envoyés ou reçus et les preuves de consentement sont des traces : on peut les effacer, pas les réécrire.",
        }),
        tests: &["promise_own_correct_what_is_held_is_shown_to_its_owner_who_corrects_it"],
    },
    Promise {
        id: "own.stop",
        text: Text {
            en: "Whoever texts STOP is opted out at once, and the next message is blocked.",
            fr: "Qui texte ARRET ou STOP est désabonné aussitôt, et le message suivant est bloqué.",
        },
        how: Text {
            en: "In English and French, in words and in sentences. The wish is stored together with the text, and the database itself refuses to queue or send another, also one that was already waiting.",
            fr: "En français et en anglais, en mots et en phrases. Le souhait est enregistré avec le texto, et la base elle-même refuse d’en mettre un autre en file ou de l’envoyer, même s’il attendait déjà.",
        },
        limits: Some(Text {
            en: "One confirmation may follow. A text that Twilio had accepted before the STOP came cannot be called back. Wishes in other languages, or very unusual ones, may be missed; STOP itself never is.",
            fr: "Une confirmation peut suivre. Un texto que Twilio avait accepté avant l’arrivée du STOP ne peut être rappelé. Un souhait dans une autre langue ou très inhabituel peut échapper; STOP jamais.",
        }),
        tests: &[
            "promise_own_stop_every_order_of_a_stop_and_an_answer",
            "promise_own_stop_a_stop_between_queue_and_claim_withholds_the_text",
            "promise_own_stop_wishes_to_stop_are_understood",
            "promise_own_stop_arret_is_confirmed_once_and_in_french",
        ],
    },
    Promise {
        id: "never.sell",
        text: Text { en: "We never sell data.", fr: "Nous ne vendons jamais de données." },
        how: Text {
            en: "Nothing we run sends it anywhere but to the processors listed on the privacy page, who work for us.",
            fr: "Rien de ce que nous exploitons ne l’envoie ailleurs qu’aux sous-traitants de la page de confidentialité, qui travaillent pour nous.",
        },
        limits: Some(Text {
            en: "A test sees what our code does; that nobody does it by hand is our word.",
            fr: "Un test voit ce que fait notre code; que personne ne le fasse à la main est notre parole.",
        }),
        tests: &["promise_never_share_our_code_reaches_the_processors_only"],
    },
    Promise {
        id: "never.share",
        text: Text {
            en: "Customer data goes only to Supabase, Stripe, Twilio, Groq and Vercel, each for a named purpose.",
            fr: "Les données des clients ne vont qu’à Supabase, Stripe, Twilio, Groq et Vercel, chacun pour un but nommé.",
        },
        how: Text {
            en: "Our only HTTP client has a closed list of hosts and refuses any other; a test compares it with the list of processors.",
            fr: "Notre seul client HTTP a une liste fermée d’hôtes et refuse tout autre; un test la compare à la liste des sous-traitants.",
        },
        limits: Some(Text {
            en: "Stripe receives the shop’s data, not its customers’. The law can force any of us to hand data over.",
            fr: "Stripe reçoit les données du commerce, pas de ses clients. La loi peut obliger chacun de nous à remettre des données.",
        }),
        tests: &["promise_never_share_our_code_reaches_the_processors_only"],
    },
    Promise {
        id: "never.train",
        text: Text {
            en: "Conversations never train models.",
            fr: "Les conversations n’entraînent jamais de modèles.",
        },
        how: Text {
            en: "We train none. What the model sees has placeholders for names, numbers and addresses we recognise, and nothing of it is kept by us for that purpose.",
            fr: "Nous n’en entraînons aucun. Ce que voit le modèle a des jetons à la place des noms, numéros et adresses que nous reconnaissons, et nous n’en gardons rien à cette fin.",
        },
        limits: Some(Text {
            en: "Groq’s terms say it does not train on it. Groq may keep logs against abuse for up to 30 days, unless zero data retention is switched on for our account.",
            fr: "Les conditions de Groq disent qu’il n’entraîne pas avec. Groq peut garder des journaux contre les abus jusqu’à 30 jours, sauf si la rétention zéro est activée pour notre compte.",
        }),
        tests: &["promise_never_train_the_model_sees_placeholders"],
    },
    Promise {
        id: "never.track",
        text: Text {
            en: "No tracking pixels and no third-party analytics.",
            fr: "Aucun pixel espion, aucune statistique par des tiers.",
        },
        how: Text {
            en: "No page loads anything from anywhere but this site, and the browser is told to refuse it if one did.",
            fr: "Aucune page ne charge quoi que ce soit d’ailleurs, et le navigateur a l’ordre de le refuser.",
        },
        limits: None,
        tests: &["promise_never_track_no_page_asks_anything_of_anyone_else"],
    },
    Promise {
        id: "optout.signals",
        text: Text {
            en: "Opt-out signals are honoured.",
            fr: "Les signaux de refus sont respectés.",
        },
        how: Text {
            en: "Global Privacy Control: the header Sec-GPC and /.well-known/gpc.json. As nobody is tracked or sold anyway, it changes nothing but a line that says so.",
            fr: "Global Privacy Control : l’en-tête Sec-GPC et /.well-known/gpc.json. Comme personne n’est suivi ni vendu de toute façon, cela ne change qu’une ligne qui le dit.",
        },
        limits: None,
        tests: &["promise_optout_signals_are_seen_and_answered"],
    },
    Promise {
        id: "soc2.honest",
        text: Text {
            en: "We do not hold a SOC 2 report.",
            fr: "Nous n’avons pas de rapport SOC 2.",
        },
        how: Text {
            en: "We say so rather than let you assume it. Our providers hold theirs.",
            fr: "Nous le disons plutôt que de vous laisser le supposer. Nos fournisseurs ont les leurs.",
        },
        limits: None,
        tests: &["promise_soc2_honest_the_page_says_that_there_is_none"],
    },
    Promise {
        id: "hipaa.not",
        text: Text {
            en: "LeadsLock is not for health information.",
            fr: "LeadsLock n’est pas fait pour les renseignements de santé.",
        },
        how: Text {
            en: "It is not HIPAA compliant and does not claim to be; do not use it for patients.",
            fr: "Il n’est pas conforme à HIPAA et ne le prétend pas; ne l’utilisez pas pour des patients.",
        },
        limits: Some(Text {
            en: "What people text on their own account is stored like any text.",
            fr: "Ce que les gens textent d’eux-mêmes est gardé comme tout texto.",
        }),
        tests: &["promise_hipaa_not_the_page_says_so"],
    },
    Promise {
        id: "gdpr.rights",
        text: Text {
            en: "Access, correction, export and deletion, for owners and for their customers.",
            fr: "Accès, correction, exportation et suppression, pour les propriétaires et pour leurs clients.",
        },
        how: Text {
            en: "Owners have them in the console; what is held about one lead can be handed over and erased by the shop with one action.",
            fr: "Les propriétaires les ont dans la console; ce qui est détenu sur un client peut être remis et effacé par le commerce en une action.",
        },
        limits: Some(Text {
            en: "The shop decides about its customers’ data; a customer asks the shop first. A data processing agreement is available on request. Aligned with the GDPR is not certified.",
            fr: "Le commerce décide des données de ses clients; un client s’adresse d’abord à lui. Un accord de traitement est offert sur demande. Aligné sur le RGPD ne veut pas dire certifié.",
        }),
        tests: &["promise_gdpr_rights_the_privacy_page_says_whom_to_ask"],
    },
    Promise {
        id: "breach.72h",
        text: Text {
            en: "If your data is affected by a breach, you are told within 72 hours of our confirming it: which data, what was done, what to do. A public post-mortem follows.",
            fr: "Si vos données sont touchées par une fuite, vous le savez dans les 72 heures après que nous l’avons confirmée : quelles données, ce qui a été fait, quoi faire. Un bilan public suit.",
        },
        how: Text {
            en: "Post-mortems are published on the incidents page.",
            fr: "Les bilans sont publiés à la page des incidents.",
        },
        limits: Some(Text {
            en: "Canadian law says as soon as feasible; 72 hours is our own limit. People keep this promise, not code, and it has not been needed yet.",
            fr: "La loi canadienne dit dès que possible; 72 heures est notre propre limite. Des personnes tiennent cette promesse, pas du code, et elle n’a pas encore servi.",
        }),
        tests: &["promise_breach_72h_the_page_says_what_the_law_says"],
    },
    Promise {
        id: "vuln.report",
        text: Text {
            en: "Report a weakness and you get an answer within 24 hours, and public credit.",
            fr: "Signalez une faille : réponse en 24 heures et remerciements publics.",
        },
        how: Text {
            en: "The contact is below and in /.well-known/security.txt, whose date is checked so that it does not grow old.",
            fr: "Le contact est ci-dessous et dans /.well-known/security.txt, dont la date est vérifiée pour qu’il ne vieillisse pas.",
        },
        limits: Some(Text {
            en: "People answer, not machines; 24 hours is what we hold ourselves to. There is no bounty.",
            fr: "Des personnes répondent, pas des machines; 24 heures est notre propre exigence. Il n’y a pas de prime.",
        }),
        tests: &[
            "promise_vuln_report_security_txt_has_what_the_rfc_asks_for",
            "promise_vuln_report_security_txt_is_good_for_a_while",
        ],
    },
    Promise {
        id: "audit.public",
        text: Text {
            en: "The date of the last audit and a changelog with security entries are public.",
            fr: "La date du dernier audit et un journal avec les entrées de sécurité sont publics.",
        },
        how: Text {
            en: "The changelog page is made from the file we keep with the code.",
            fr: "La page du journal est faite du fichier que nous tenons avec le code.",
        },
        limits: Some(Text {
            en: "There has been no external audit yet.",
            fr: "Il n’y a pas encore eu d’audit externe.",
        }),
        tests: &["promise_audit_public_the_changelog_is_shown_with_its_security_entries"],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The ids of the specification, and whether it asks for limits.
    const IDS: [(&str, bool); 27] = [
        ("store.supabase", false),
        ("host.vercel", false),
        ("cards.never", true),
        ("sms.twilio", false),
        ("canada.data", true),
        ("tls.hsts", true),
        ("rest.aes", false),
        ("password.bcrypt", true),
        ("secrets.env", false),
        ("webhook.stripe", false),
        ("webhook.twilio", false),
        ("headers", false),
        ("own.export", false),
        ("own.delete", true),
        ("own.correct", false),
        ("own.stop", false),
        ("never.sell", false),
        ("never.share", false),
        ("never.train", true),
        ("never.track", false),
        ("optout.signals", false),
        ("soc2.honest", false),
        ("hipaa.not", false),
        ("gdpr.rights", true),
        ("breach.72h", true),
        ("vuln.report", false),
        ("audit.public", false),
    ];

    #[test]
    fn each_promise_is_there_once_with_the_limits_it_needs() {
        let ids: Vec<_> = PROMISES.iter().map(|promise| promise.id).collect();
        assert_eq!(ids, IDS.map(|(id, _)| id));
        for (promise, (id, has_limits)) in PROMISES.iter().zip(IDS) {
            assert!(promise.limits.is_some() || !has_limits, "{id}");
            assert!(!promise.tests.is_empty(), "{id}");
        }
    }

    #[test]
    fn a_text_is_its_own_in_each_language() {
        let texts = |promise: &Promise| [Some(promise.text), Some(promise.how), promise.limits];
        let texts: Vec<Text> = PROMISES.iter().flat_map(texts).flatten().collect();
        let distinct: BTreeSet<_> = texts.iter().flat_map(|text| [text.en, text.fr]).collect();
        assert_eq!(distinct.len(), 2 * texts.len());
    }

    /// What is too strong to be true is said as it is.
    #[test]
    fn limits_say_what_the_promise_does_not_cover() {
        for (id, words) in [
            ("cards.never", &["texts a card number", "masked"][..]),
            ("canada.data", &["Stripe", "Twilio", "Groq", "United States"]),
            ("tls.hsts", &["second visit", "preload", "TLS 1.2 and 1.3"]),
            ("password.bcrypt", &["Supabase Auth", "72 bytes"]),
            ("own.delete", &["Stripe keeps invoices"]),
            ("never.train", &["Groq", "30 days", "zero data retention"]),
            ("gdpr.rights", &["on request"]),
            ("breach.72h", &["as soon as feasible", "our own limit"]),
        ] {
            let promise = PROMISES.iter().find(|promise| promise.id == id).unwrap();
            let limits = promise.limits.map_or("", |limits| limits.en);
            let said = format!("{} {} {limits}", promise.text.en, promise.how.en);
            for word in words {
                assert!(said.contains(word), "{id}: {word}");
            }
        }
    }

    fn english(id: &str) -> String {
        let promise = PROMISES.iter().find(|promise| promise.id == id).unwrap();
        let limits = promise.limits.map_or("", |limits| limits.en);
        format!("{} {} {limits}", promise.text.en, promise.how.en)
    }

    #[test]
    fn promise_rest_aes_the_page_says_whose_work_it_is() {
        assert!(english("rest.aes").contains("That is Supabase’s work and statement"));
    }

    #[test]
    fn promise_own_delete_the_page_names_what_others_keep() {
        let said = english("own.delete");
        assert!(said.contains("90 days") && said.contains("Stripe keeps invoices"));
        assert!(said.contains("That a number said stop is kept"));
    }

    #[test]
    fn promise_soc2_honest_the_page_says_that_there_is_none() {
        assert!(english("soc2.honest").contains("We do not hold a SOC 2 report."));
    }

    #[test]
    fn promise_hipaa_not_the_page_says_so() {
        assert!(english("hipaa.not").contains("not for health information"));
    }

    #[test]
    fn promise_breach_72h_the_page_says_what_the_law_says() {
        let said = english("breach.72h");
        assert!(said.contains("within 72 hours") && said.contains("as soon as feasible"));
    }
}
