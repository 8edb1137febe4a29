//! Wishes put in words: not to be texted any more, or again to be.
//!
//! Two tables of phrases, read from top to bottom. The first has what looks like a
//! wish and is ordinary talk of a shop's customers: its words are set aside, the rest
//! of the text is read on. The second has the wishes; the first row that fits decides.
//! A row's name is shown to the shop's owner.

use super::{
    Decision,
    Meaning::{self, Help, Start, Stop, Text},
    lexicon::*,
    pattern::{
        Rule,
        Step::{self, Begin, End},
        directly, far, near, soon, word,
    },
    sense::Sense,
};

/// To get in touch by text.
const TEXTING_SOMEONE: Set = TEXT.or(TEXTING).or(CONTACT).or(ECRIRE);
/// Texts, as they are received.
const SOME_TEXTS: Set = TEXTS.or(TEXTING).or(SPAM).or(JUNK);
/// Whatever a shop does that someone may want stopped.
const DOING: Set = TEXTING_SOMEONE.or(TEXTS).or(BOTHER).or(SPAM).or(REPLY);
/// Who is not to be texted.
const TO_ME: Set = ME.or(NUMBER).or(PHONE).or(HERE);
/// The French ways to say no longer, or not.
const NO_LONGER: Set = PLUS.or(PAS);
/// Not to do it.
const DO_NOT: Set = NOT.or(NE);
/// A number, or the name it is kept under.
const LISTED: Set = NUMBER.or(NAME);
/// What a shop keeps of someone.
const KEPT: Set = LISTED.or(DETAILS);

/// To get in touch of one's own accord, not in answer.
const CONTACTING: Set = TEXT.or(TEXTING).or(ECRIRE).or(SOLICIT);
/// What makes an interest none.
const NO_INTEREST: Set = NOT.or(NO).or(ISNT).or(PAS).or(PLUS).or(LONGER);
/// What a threat is made of.
const THREAT: Set = LAWYER.or(REPORT).or(COMPLAINT).or(BLOCK).or(AUTHORITY).or(REVIEW);
/// What someone does not want of a shop.
const UNWANTED_ONES: Set = SOME_TEXTS_OR_ADS.or(CONTACTED).or(HEAR).or(FOLLOW);
/// Texts and what shops write in them.
const SOME_TEXTS_OR_ADS: Set = TEXTS.or(TEXTING).or(SPAM).or(JUNK_OFFERS);
/// What makes a wish one for another thing than no texts.
const OTHER_WISH: Set = CALL.or(BOOKING).or(WHEN).or(MISS).or(FAULT);
/// What someone is removed from.
const GONE_FROM: Set = LIST.or(TEXTS).or(TEXT).or(CONVERSATION).or(ALL).or(THIS_ONE);

const fn ordinary(name: &'static str, phrase: &'static [Step]) -> Rule {
    Rule::new(name, Text, phrase)
}

const fn stop(name: &'static str, phrase: &'static [Step]) -> Rule {
    Rule::new(name, Stop, phrase)
}

const fn help(name: &'static str, phrase: &'static [Step]) -> Rule {
    Rule::new(name, Help, phrase)
}

const fn start(name: &'static str, phrase: &'static [Step]) -> Rule {
    Rule::new(name, Start, phrase)
}

/// What looks like a wish and is none.
const ORDINARY: &[Rule] = &[
    // The keyword spoken of.
    ordinary("a stop", &[word(KEYWORD), directly(OR), directly(GO)]),
    ordinary("said in jest", &[word(CEASE), soon(YOU), far(JEST)]).across_sentences(),
    ordinary("the keyword itself", &[word(KEYWORD), directly(PART)])
        .not_before(&[&[word(ME.or(KEYWORD))], &[End]]),
    ordinary("the keyword itself", &[word(REPLY), directly(KEYWORD), near(UNSUBSCRIBE.or(OPT))])
        .not_after(I),
    ordinary("the keyword itself", &[word(IF), word(I), soon(REPLY.or(SAID)), near(KEYWORD)]),
    ordinary("the keyword itself", &[word(IF), word(I), near(KEYWORD)]).not_before(&[&[End]]),
    ordinary("the keyword itself", &[word(WHAT_IF), near(DOES.or(IS)), near(KEYWORD)])
        .not_around(I.or(YOU)),
    ordinary(
        "the keyword itself",
        &[word(DOES.or(SHOULD)), word(I), near(REPLY), directly(KEYWORD)],
    )
    .not_after(HOW.or(WHAT)),
    ordinary("the keyword itself", &[word(DOES), near(REPLYING), directly(KEYWORD), near(CEASE)]),
    ordinary("the keyword itself", &[word(DOES), near(REPLYING), directly(KEYWORD)]),
    ordinary("the keyword itself", &[word(REPLYING), directly(KEYWORD)])
        .not_after(I.or(NOT).or(CEASE)),
    ordinary("the keyword itself", &[word(SAID), directly(KEYWORD), soon(UNSUBSCRIBE)])
        .not_after(I),
    // To stop somewhere, and what is called a stop.
    ordinary("a visit", &[word(CEASE), directly(PLACE)]).not_before(&[
        &[near(DOING.or(SEND).or(THESE))],
        &[word(MOMENT)],
        &[word(ME.or(MISTAKE))],
    ]),
    ordinary("a visit", &[word(CEASE), directly(TO)])
        .not_before(&[&[near(DOING.or(SEND).or(THESE).or(JUNK))], &[word(MOMENT)]]),
    ordinary("a visit", &[word(ARRETER), directly(VOUS)])
        .not_before(&[&[soon(DOING.or(SEND).or(THESE))]]),
    ordinary("a visit", &[word(CEASE), word(OR), word(ERRAND)]),
    ordinary("a stop", &[word(STOP_OF), directly(STOP_NOUN)])
        .not_before(&[&[near(DOING.or(SEND).or(THESE))]]),
    ordinary("a stop", &[word(D), directly(STOP_NOUN)]).not_before(&[&[near(DOING.or(SEND))]]),
    ordinary("a stop", &[word(ARTICLE), directly(STOP_NOUN)])
        .not_after(PUT)
        .not_before(&[&[near(DOING.or(SEND).or(THESE))]]),
    ordinary("a stop", &[word(STOP_NOUN), directly(STOP_WHAT)]).not_before(&[&[word(ME)]]),
    // What does not stop, and what is not to stop.
    ordinary("not about texts", &[word(CEASE), directly(BOTHER), directly(OUT_ONLY)]),
    ordinary("not to stop", &[word(NOT), word(WANT), near(YOU), word(CEASE)]),
    ordinary("not to stop", &[word(NE), directly(CEASE), word(PAS)]).not_after(YOU),
    ordinary("not to stop", &[word(DO_NOT), directly(CEASE)]).not_right_after(YOU),
    ordinary("not to stop", &[word(DO_NOT), directly(AGAIN), directly(CEASE)]),
    ordinary("not to stop", &[word(ARRETER), word(PAS)])
        .not_after(YOU)
        .not_before(&[&[word(WANT)]]),
    ordinary("does not stop", &[word(CANT), word(CEASE)])
        .not_around(YOU)
        .not_after(TEXTS.or(TEXT).or(THESE))
        .not_before(&[&[word(DOING.or(SEND))]]),
    ordinary("no longer does", &[word(WHY), near(DOES), near(YOU), word(CEASE)]),
    ordinary("no longer does", &[word(YOU), near(HAVE), directly(CEASE)]),
    ordinary("no longer does", &[word(YOU), word(NEVER), near(TEXTING_SOMEONE)]),
    ordinary("no longer does", &[word(YOU), directly(NOT), near(TEXTING_SOMEONE), far(ANYMORE)])
        .not_after(CAN.or(I))
        .not_around(WANT.or(MUST)),
    ordinary("no longer does", &[word(DOES), directly(SUBJECT), near(CEASE)])
        .not_around(HOW.or(SAID).or(THESE).or(TO_EN))
        .not_before(&[&[word(DOING.or(SEND)), word(ME)]])
        .not_after(HOW),
    ordinary("stops by itself", &[word(REFLEXIVE), directly(ARRETER)])
        .not_after(MAKE)
        .not_before(&[&[soon(DOING.or(SEND).or(THESE))]]),
    ordinary("not to miss them", &[word(NOT.or(NE).or(PAS)), near(WANT), near(MISS)]),
    // Texts that did not come.
    ordinary(
        "got no text",
        &[
            word(I),
            word(NOT.or(DIDNT).or(CANT)),
            word(RECEIVE.or(RECEIVED).or(SEE)),
            soon(TEXTS.or(TEXT)),
        ],
    )
    .not_before(&[&[near(CEASE)]])
    .not_after(SURE.or(IF))
    .not_around(WANT),
    ordinary(
        "got no text",
        &[word(DIDNT), word(RECEIVE.or(RECEIVED).or(SEE)), far(TEXTS.or(TEXT))],
    )
    .not_after(IF)
    .not_around(WANT),
    ordinary("got no text", &[word(I), near(RECEIVED), word(PLUS.or(PAS)), far(TEXTS.or(TEXT))]),
    ordinary("got no text", &[word(PAS.or(JAMAIS)), word(RECEIVED), far(TEXTS.or(TEXT))]),
    // Calls and letters.
    ordinary(
        "not to be called, but texted",
        &[word(CEASE.or(DO_NOT)), near(CALL), far(TEXTING_SOMEONE)],
    )
    .not_around(OR.or(CEASE).or(DO_NOT)),
    ordinary(
        "not to be called, but texted",
        &[word(CEASE), near(CALL), far(TEXT.or(ECRIRE)), directly(ME.or(HERE))],
    ),
    ordinary(
        "not to be called, but texted",
        &[word(CALL), soon(PAS.or(PLUS)), far(TEXTING_SOMEONE)],
    )
    .not_before(&[&[near(PAS.or(PLUS))]])
    .not_around(OR),
    ordinary("not by e-mail", &[word(CEASE.or(DO_NOT)), soon(EMAIL)])
        .not_around(TEXTS.or(TEXT).or(TEXTING).or(CONTACT))
        .not_before(&[&[word(OR), word(TEXTS.or(TEXT))]]),
    ordinary("not by e-mail", &[word(UNSUBSCRIBE.or(REMOVE).or(TAKE)), far(EMAIL)])
        .not_around(TEXTS.or(TEXT).or(NUMBER).or(TEXTING))
        .not_before(&[&[word(OR), word(TEXTS.or(TEXT))], &[word(OR), near(NUMBER.or(PHONE))]]),
    ordinary("not by e-mail", &[word(SEND), soon(PLUS.or(PAS)), far(EMAIL)]).not_around(TEXTS),
    // For a time, or to someone else.
    ordinary("does not text", &[word(TEXT.or(TEXTING)), directly(OR), near(DRIVE)]),
    ordinary(
        "does not text",
        &[word(I), directly(DOES), directly(NOT), directly(TEXTING_SOMEONE.or(SEND))],
    )
    .not_before(&[&[directly(ME)]]),
    ordinary("does not text", &[word(I), directly(NOT), directly(TEXTING_SOMEONE.or(SEND))])
        .not_before(&[&[directly(ME)]]),
    ordinary("not now", &[word(DO_NOT), near(TEXTING_SOMEONE.or(SEND).or(REPLY)), soon(WHEN)])
        .not_around(AGAIN.or(THESE).or(TEXTS).or(I)),
    ordinary("not now", &[word(ECRIRE.or(SEND)), near(PAS), soon(WHEN)]).not_around(AGAIN.or(I)),
    ordinary("not now", &[word(NO.or(PAS)), near(TEXTS.or(TEXT)), soon(WHEN.or(TIME))])
        .not_around(MORE),
    ordinary(
        "not here",
        &[word(DO_NOT.or(ECRIRE)), near(TEXTING_SOMEONE.or(PAS)), near(AT_OR_AU), word(WORKPLACE)],
    ),
    ordinary("later", &[word(ECRIRE.or(SEND)), near(PLUS), word(LATER)]),
    ordinary(
        "not that way",
        &[word(DO_NOT), word(TEXTING_SOMEONE), word(ME), directly(ON), word(CHANNEL)],
    ),
    ordinary("not to hesitate", &[word(DO_NOT), word(HESITATE)]),
    ordinary(
        "need not be told",
        &[word(PAS.or(NO)), word(WANT), soon(TEXTING_SOMEONE), soon(ARRIVAL.or(BACK_EN))],
    ),
    ordinary("did not write", &[word(WHY), soon(HAVE), word(PAS), word(ECRIRE)]),
    ordinary("not to hesitate", &[word(HESITATE), word(PAS)]),
    ordinary("not to someone else", &[word(DO_NOT), word(TEXTING_SOMEONE), near(MY)])
        .not_before(&[&[far(AGAIN)], &[word(TO_ME)]])
        .not_around(AGAIN.or(ME).or(PLUS)),
    ordinary("not to someone else", &[word(ECRIRE), word(PAS), near(MY)])
        .not_before(&[&[far(AGAIN)], &[word(TO_ME)]]),
    ordinary("another number", &[word(OLD), word(TO_ME)]).not_before(&[&[soon(LIST)]]),
    // Numbers that are wrong by mistake.
    ordinary("a wrong number of something", &[word(WRONG), near(NUMBER), word(OF_WHAT)])
        .not_around(CONNECTIVE)
        .not_before(&[&[word(NAME)], &[word(PHONE)]]),
    ordinary("gave a wrong number", &[word(I), word(TYPED), near(WRONG), near(NUMBER)]),
    ordinary("gave a wrong number", &[word(I), near(TYPED), near(WRONG), near(NUMBER)])
        .not_around(YOU),
    ordinary(
        "gave a wrong number",
        &[word(I), directly(VOUS), near(TYPED), near(WRONG), near(NUMBER)],
    ),
    ordinary("gave a wrong number", &[word(DID), word(I), soon(WRONG), near(NUMBER)]),
    ordinary("asks for the number", &[Begin, word(IS), word(THIS), near(WRONG), near(NUMBER)]),
    ordinary(
        "corrects a number",
        &[word(WRONG), word(NUMBER), soon(OF_WHAT.or(THIS).or(IS)), far(DIGITS)],
    )
    .not_around(CEASE.or(REMOVE).or(DO_NOT)),
    ordinary("corrects a number", &[word(NUMBER), near(WRONG), far(DIGITS)])
        .not_around(CEASE.or(REMOVE).or(DO_NOT)),
    ordinary("gave a wrong number", &[word(FROM_FR), word(WRONG), word(NUMBER)]),
    ordinary("mistook a number", &[word(I), near(MISTAKEN), near(NUMBER.or(PERSON))])
        .not_around(YOU),
    // Bookings.
    ordinary("another list", &[word(BOOKING.or(EMAIL)), word(LIST)]).not_after(NOT),
    ordinary("another list", &[word(LIST), soon(BOOKING.or(EMAIL))]),
    ordinary(
        "leaves a booking",
        &[
            word(REMOVE.or(TAKE).or(UNSUBSCRIBE).or(END)),
            soon(ME.or(KEPT).or(MY)),
            soon(BOOKING.or(TIME)),
        ],
    )
    .not_around(TEXTS.or(TEXT).or(SPAM).or(LIST).or(I).or(NOT).or(LONGER))
    .not_before(&[&[word(TEXTS.or(TEXT))]]),
    ordinary("leaves a booking", &[word(REMOVED_EN), word(FROM), far(BOOKING.or(TIME))])
        .not_around(LIST.or(TEXTS).or(TEXT).or(I)),
    ordinary("leaves a booking", &[word(UNSUBSCRIBE.or(END)), soon(BOOKING)])
        .not_around(TEXTS.or(TEXT).or(ME).or(I))
        .not_before(&[&[word(TEXTS.or(TEXT))]]),
    ordinary(
        "changes a booking",
        &[word(ADD.or(SUBSCRIBE).or(START)), soon(ME), far(BOOKING.or(TIME))],
    )
    .not_around(TEXTS),
    ordinary(
        "removes something else",
        &[word(REMOVE.or(TAKE).or(END)), soon(BELONGING), directly(OFF)],
    ),
    ordinary("removes something else", &[word(REMOVE.or(TAKE).or(END)), soon(BELONGING)])
        .not_before(&[&[word(OR)]])
        .not_around(LIST.or(TEXTS)),
    ordinary(
        "unsubscribed from something else",
        &[word(UNSUBSCRIBED), directly(FROM), directly(PROPER)],
    ),
    ordinary("was removed by mistake", &[word(REMOVE.or(TAKE).or(REMOVED_EN)), far(MISTAKE)]),
    ordinary("leaves a booking", &[word(UNSUBSCRIBE), word(MY), near(FAMILY), near(FROM.or(DE))])
        .not_before(&[&[far(TEXTS.or(LIST).or(THIS))]]),
    ordinary("says good-bye", &[word(BONNE), directly(FINI)]),
    ordinary("not to lose it", &[word(LOSE.or(REMOVE)), near(PAS)]),
    ordinary("not to lose it", &[word(DO_NOT), directly(LOSE.or(REMOVE))]),
    ordinary("not to lose it", &[word(NE), directly(ME), directly(REMOVE)]),
    // Unsubscribing of others, or not.
    ordinary("not to unsubscribe", &[word(DO_NOT.or(DIDNT)), directly(UNSUBSCRIBE)]),
    ordinary("not to unsubscribe", &[word(DO_NOT), directly(ME), directly(UNSUBSCRIBE)]),
    ordinary("not to unsubscribe", &[word(DO_NOT), word(WANT), word(UNSUBSCRIBE)]).not_around(WANT),
    ordinary("whether one is unsubscribed", &[word(DID), word(YOU), word(UNSUBSCRIBE)])
        .not_after(HOW),
    ordinary("whether one is unsubscribed", &[word(VOUS), word(UNSUBSCRIBE)]).not_after(CAN),
    ordinary("whether one signs up", &[word(DID), word(I), near(SIGN_UP)]),
    // Spam as a place.
    ordinary("the spam folder", &[word(IN_PLACE), word(SPAM)]),
    ordinary("the spam folder", &[word(IN_PLACE), word(MY), word(SPAM)]),
    ordinary("the spam folder", &[word(SPAM), word(FOLDER)]),
];

/// Wishes, the surest first.
const WISHES: &[Rule] = &[
    // Opted out by mistake: the keyword is there, but is taken back.
    start("opted out by mistake", &[word(UNSUBSCRIBED.or(OPTED)), far(MISTAKE)]),
    start("opted out by mistake", &[word(MISTAKE), near(UNSUBSCRIBED.or(OPTED))]),
    start("opted out by mistake", &[word(SENT), soon(KEYWORD), far(MISTAKE)]),
    start("opted out by mistake", &[word(MISTAKE), soon(SENT), soon(KEYWORD)]),
    start(
        "opted out by mistake",
        &[word(DO_NOT.or(DIDNT).or(PAS)), near(MEANT), far(UNSUBSCRIBE.or(KEYWORD).or(OPT))],
    ),
    start("opted out by mistake", &[word(DIDNT), near(WANT), soon(UNSUBSCRIBE.or(OPT))]),
    start("opted out by mistake", &[word(MISTAKEN), soon(SENT), near(KEYWORD)]),
    start("opted out by mistake", &[word(MEAN), near(PAS), far(UNSUBSCRIBE.or(KEYWORD))]),
    start("opted out by mistake", &[word(SENT), soon(KEYWORD), far(TURN), far(BACK)]),
    start("opted out by mistake", &[word(SENT), soon(KEYWORD), far(UNDO)]),
    start("opted out by mistake", &[word(MY.or(THIS).or(UNDO)), near(KEYWORD), far(MISTAKE)]),
    start(
        "wants the texts after all",
        &[word(KEYWORD.or(CEASE).or(UNSUBSCRIBED).or(OPTED)), far(STILL), word(WANT), soon(TEXTS)],
    )
    .not_around(NOT.or(NE).or(PAS).or(EMAIL))
    .across_sentences(),
    start(
        "wants the texts after all",
        &[word(KEYWORD.or(CEASE).or(UNSUBSCRIBED).or(OPTED)), far(WANT), word(STILL), soon(TEXTS)],
    )
    .not_around(NOT.or(NE).or(PAS))
    .across_sentences(),
    start(
        "wants the texts after all",
        &[
            word(KEYWORD.or(CEASE).or(UNSUBSCRIBED).or(OPTED)),
            far(WANT),
            near(BE.or(RECEIVE)),
            soon(BACK.or(MORE)),
        ],
    )
    .not_around(NOT.or(NE).or(PAS))
    .across_sentences(),
    start(
        "wants the texts after all",
        &[word(KEYWORD.or(CEASE).or(UNSUBSCRIBED).or(OPTED)), far(START), soon(AGAIN)],
    )
    .not_around(NOT.or(NE).or(PAS))
    .across_sentences(),
    start("wants the texts after all", &[word(TAKE), directly(BACK), near(KEYWORD)]),
    start("wants the texts after all", &[word(UNDO), near(KEYWORD)]),
    start(
        "wants the texts after all",
        &[
            word(TAKE),
            word(ME),
            word(OFF),
            word(DO_NOT),
            near(TEXTING_SOMEONE.or(CALL)),
            word(LIST),
        ],
    ),
    start("asks to be texted again", &[word(ADD), word(ME), near(BACK)])
        .not_after(NOT.or(DIDNT).or(WHY).or(NE)),
    start(
        "wants the texts after all",
        &[word(SENT), directly(KEYWORD), far(I), directly(DOES), word(WANT), near(TEXTS)],
    )
    .not_around(NOT.or(NE).or(PAS))
    .across_sentences(),
    start("wants the texts after all", &[word(STOPPED), soon(TEXTS), far(WANT), soon(BACK_EN)])
        .not_around(NOT.or(NE).or(PAS))
        .across_sentences(),
    // What most wishes are made of.
    stop("does not want texts", &[word(NO_INTEREST), near(WANT), near(THESE_EN), End])
        .not_around(OTHER_WISH),
    stop("does not want texts", &[word(NO_INTEREST), near(WANT), far(ON), near(LIST)])
        .not_around(OTHER_WISH),
    stop("does not want texts", &[word(NO_INTEREST), near(WANT), far(UNWANTED_ONES)])
        .not_after(CAN_ASK)
        .not_around(OTHER_WISH)
        .not_before(&[&[directly(CALL.or(APP))]]),
    stop(
        "threatens to complain",
        &[
            word(AGAIN.or(MORE).or(NEXT).or(STILL).or(IF)),
            near(DOING.or(SEND).or(RECEIVE)),
            far(THREAT),
        ],
    ),
    stop(
        "asks to be removed",
        &[
            word(REMOVE.or(REMOVED_EN).or(TAKE)),
            soon(ME.or(KEPT).or(PHONE).or(FAMILY)),
            near(FROM.or(DE)),
            far(GONE_FROM),
        ],
    )
    .not_after(DID.or(WHY))
    .not_before(&[&[far(BOOKING.or(TIME))]]),
    // To stop texting.
    stop("asks to stop the texts", &[word(CEASE), near(DOING)])
        .not_after(PROMISE)
        .not_around(OR.or(VOUS)),
    stop(
        "asks to stop the texts",
        &[word(CEASE), word(SEND), far(TEXTS.or(TEXT).or(THESE).or(JUNK))],
    ),
    stop("asks to stop the texts", &[word(CEASE), word(SEND), far(TO_ME)])
        .not_before(&[&[soon(BOOKING)]]),
    stop("asks to stop the texts", &[word(CEASE), word(SEND), End]),
    stop(
        "asks to stop the texts",
        &[word(CEASE), soon(RECEIVE), far(TEXTS.or(TEXT).or(THESE).or(JUNK))],
    ),
    stop("asks to stop the texts", &[word(CEASE), word(RECEIVE), End]),
    stop("asks to stop the texts", &[word(CEASE), word(BLOW), soon(UP.or(PHONE))]),
    stop("asks to stop the texts", &[word(CEASE), near(SOME_TEXTS)])
        .not_after(PROMISE)
        .not_around(OR),
    stop("asks to stop the texts", &[word(CEASE), word(ALL), soon(DOING)]),
    stop("asks to stop the texts", &[word(REPLY), near(TO_EN), word(CEASE), word(THIS.or(TEXTS))]),
    stop("asks to stop the texts", &[word(CEASE), word(PUSHING), far(ME.or(DOING).or(MY))])
        .not_after(PROMISE),
    stop("asks to stop the texts", &[Begin, word(CEASE), directly(LE), End]),
    stop("asks to stop the texts", &[Begin, word(CEASE), directly(VOTRE)])
        .not_before(&[&[near(BOOKING)]]),
    stop("asks to stop the texts", &[word(CEASE), word(THESE)]).not_around(IT),
    stop("asks to stop the texts", &[word(CEASE), word(TALK), word(ME)]),
    stop("asks to stop the texts", &[word(STP), word(TEXTING)]),
    stop("asks to stop the texts", &[Begin, word(CEASE), word(THIS.or(ALL)), End]),
    stop(
        "asks to stop the texts",
        &[Begin, word(CEASE), word(THIS.or(ALL)), word(AGAIN.or(MOMENT)), End],
    ),
    stop("asks to stop the texts", &[word(CEASE), soon(MY), word(PHONE.or(TEXTS))])
        .not_after(HOW.or(CANT).or(WHEN)),
    stop("asks to stop the calls", &[word(CEASE), word(CALL)]),
    stop("asks to end the texts", &[word(END), soon(TEXTS.or(SPAM).or(TEXTING))])
        .not_around(OR.or(I).or(BOOKING)),
    stop("asks to end the texts", &[word(END), soon(SUBSCRIPTION), End]),
    stop("asks to end the texts", &[Begin, word(END.or(CEASE)), word(CONVERSATION), End])
        .not_around(OF_EN),
    stop("asks to end the texts", &[Begin, word(END), directly(ME), directly(THIS_ONE), End]),
    stop("asks to end the texts", &[Begin, word(END), directly(THESE_EN.or(THIS_EN)), End]),
    stop("asks to turn the texts off", &[Begin, word(TURN), word(THIS), word(OFF), End]),
    stop("asks to end the texts", &[word(END), near(SUBSCRIPTION), soon(TEXTS.or(THESE))]),
    stop(
        "asks to end the texts",
        &[
            word(PUT),
            word(KEYWORD.or(END).or(ENDING)),
            soon(TEXTS.or(THIS).or(TEXT).or(SPAM).or(SEND)),
        ],
    ),
    stop("asks to turn the texts off", &[word(TURN), word(OFF), near(TEXTS.or(TEXT).or(THESE))]),
    stop("asks to turn the texts off", &[word(TURN), near(TEXTS.or(TEXT).or(THESE)), word(OFF)]),
    stop(
        "wants it to stop",
        &[word(MAKE), soon(TEXTS.or(TEXT).or(THESE).or(SPAM)), soon(CEASE.or(STOPPED).or(END))],
    ),
    stop("wants it to stop", &[word(MAKE), word(THIS), near(CEASE.or(STOPPED).or(ENDING)), End])
        .not_after(FAULT),
    stop(
        "wants it to stop",
        &[word(MAKE), word(THIS), near(CEASE), soon(TEXTS.or(TEXT).or(THESE))],
    ),
    stop("wants it to stop", &[word(TEXTS.or(SPAM)), near(MUST), word(CEASE.or(END))]),
    stop("wants it to stop", &[word(MUST), near(TEXTS.or(SPAM)), word(CEASE)])
        .not_before(&[&[word(WHEN.or(MOMENT))]]),
    stop("wants it to stop", &[word(THIS), near(MUST), word(CEASE), End]).not_after(FAULT),
    stop("wants it to stop", &[word(MUST), near(THIS), word(CEASE), End]).not_after(FAULT),
    stop("said to stop", &[word(SAID), near(CEASE), End])
        .not_around(FAULT.or(BOOKING).or(WHEN).or(ARTICLE).or(HIM).or(TO)),
    stop("said to stop", &[word(SAID), word(YOU), word(CEASE)])
        .not_before(&[&[soon(BOOKING.or(FAULT))]]),
    stop("asks to stop the texts", &[word(ARRETIEZ), End]),
    stop("said to stop", &[Begin, word(SENT), directly(KEYWORD)]),
    stop("said to stop", &[word(PART), directly(OF), directly(KEYWORD)]),
    stop("said to stop", &[word(KEYWORD), word(MEAN), word(KEYWORD)]),
    stop("said to stop", &[word(YOU), near(MUST.or(MAY)), word(CEASE), End]).not_after(FAULT),
    stop("wrote a keyword among other words", &[word(STRESSED)]),
    stop("wrote a keyword among other words", &[Begin, word(KEYWORD), word(I)]),
    stop("wrote a keyword among other words", &[word(LEAD_IN), word(KEYWORD), End]),
    stop("wrote a keyword among other words", &[word(STOP_ORDER), End])
        .not_after(
            DOES.or(HOW).or(CANT).or(FAULT).or(AT).or(STOP_OF).or(WHEN).or(WHY).or(WHAT).or(MAKE),
        )
        .not_right_after(TO.or(ARTICLE).or(NOT_YOU).or(TO_EN).or(PROPER).or(MUST).or(MY).or(YOUR)),
    stop("wants it to stop", &[word(CAN.or(CANT)), directly(YOU), near(CEASE), End]),
    stop("wants it to stop", &[Begin, word(CAN), directly(YOU), word(NOT), End]),
    stop("wants it to stop", &[word(VOULEZ.or(ALLEZ)), near(ARRETER), End]),
    stop("wants it to stop", &[word(THANKS), far(CEASE), End]),
    stop("wrote a keyword among other words", &[word(KEYWORD), far(UNDERSTAND)]),
    stop("wrote a keyword among other words", &[word(UNDERSTAND), word(KEYWORD)]),
    stop("wants it to stop", &[word(YOU), directly(NOT), directly(CEASE)]),
    stop("wants it to stop", &[word(YOU), directly(TO_EN), directly(CEASE), End]),
    stop(
        "asks to stop the texts",
        &[word(IF_OR_WISH), near(YOU), word(STOPPED), near(DOING.or(SEND))],
    ),
    stop("asks to stop the texts", &[Begin, word(KEYWORD), word(DIGITS), End]),
    stop("asks to stop the texts", &[Begin, word(ARRETER), directly(ME), directly(THIS), End]),
    stop("said to stop", &[word(LAST), word(TIMES), word(KEYWORD), End]),
    stop("asks to stop the texts", &[word(CEASE), soon(FAIRE), word(LOSE)]),
    stop("asks to end the texts", &[Begin, word(CUT), word(TEXTS)]),
    stop("is tired of the texts", &[word(HAD), directly(IT), word(THESE_EN), End]),
    // Not to text.
    stop(
        "asks not to be texted",
        &[word(DO_NOT), near(TEXTING_SOMEONE.or(BOTHER).or(ANSWER)), far(AGAIN)],
    )
    .not_after(DID_NOT)
    .not_around(FAULT.or(BOOKING)),
    stop("asks not to be texted", &[word(DO_NOT), near(TEXTING_SOMEONE.or(BOTHER)), near(TO_ME)])
        .not_after(DID_NOT)
        .not_before(&[&[word(LATER)], &[near(THING_SENT)]]),
    stop("asks not to be texted", &[word(NOT), word(TEXTING_SOMEONE), End])
        .not_after(DID_NOT.or(I).or(SORRY_FOR)),
    stop("asks not to be texted", &[word(NOT), word(TO_EN.or(BE)), word(CONTACTED)]),
    stop(
        "asks not to be texted",
        &[word(RATHER), far(NOT.or(DIDNT)), near(TEXTING_SOMEONE.or(SEND).or(BOTHER))],
    )
    .not_around(CALL),
    stop(
        "asks not to be texted",
        &[word(RATHER), near(NOT.or(NO)), near(RECEIVE), soon(TEXTS.or(TEXT))],
    ),
    stop("asks not to be texted", &[word(RATHER), word(NO), near(TEXTS.or(TEXTING))]),
    stop("asks not to be texted", &[word(IF_OR_WISH), far(NOT.or(DIDNT)), word(HEAR), near(YOU)]),
    stop("asks not to be texted", &[word(CAN), soon(NOT), near(TEXTS.or(TEXTING))]),
    stop(
        "asks not to be texted",
        &[word(NO.or(NOT).or(PAS).or(LONGER)), word(WANT), word(STILL), word(TEXTING)],
    ),
    stop("asks not to be texted", &[word(LONGER), word(WANT), word(TEXTING_SOMEONE), word(ME)]),
    stop("asks not to be texted", &[word(NOT), word(ACCEPT), far(TEXTS.or(JUNK_OFFERS))])
        .not_asked(),
    stop(
        "asks not to be texted",
        &[
            word(NO.or(NOT).or(PAS)),
            word(WANT),
            near(TEXTING_SOMEONE.or(SEND)),
            far(AGAIN.or(TEXTS)),
        ],
    ),
    stop("asks not to be texted", &[word(SHOULD_NOT), near(TEXTING_SOMEONE.or(SEND).or(BOTHER))]),
    stop(
        "asks not to be texted",
        &[word(SHOULD), directly(NOT), near(TEXTING_SOMEONE.or(SEND).or(BOTHER))],
    )
    .not_after(WHY),
    stop("asks not to be texted", &[word(USELESS), near(TEXTING_SOMEONE.or(SEND))]),
    stop("asks not to be texted", &[word(NOT), word(BOTHER), word(TEXTING.or(SEND))]),
    stop("asks not to be texted", &[word(DO_NOT), word(SEND), word(ALL), End]),
    stop("asks not to be texted", &[word(NOT), word(TEXT.or(CONTACT)), directly(THIS), End])
        .not_after(DID_NOT.or(I)),
    stop("asks not to be texted", &[word(TEXTS.or(TEXTING)), far(NOT), End]),
    stop("asks not to be texted", &[word(DO_NOT), near(CALL), word(OR), near(TEXTING_SOMEONE)]),
    stop("asks not to be texted", &[word(DO_NOT), near(CALL), near(AGAIN)]),
    stop("asks not to be texted", &[word(DO_NOT), word(TEXTING_SOMEONE.or(CALL)), word(LIST)]),
    stop("asks not to be texted", &[word(DO_NOT), near(SEND), far(TEXTS.or(JUNK).or(THESE))])
        .not_after(DID_NOT)
        .not_around(BOOKING.or(EMAIL)),
    stop("asks not to be texted", &[word(DO_NOT), near(SEND), word(MORE.or(AGAIN).or(THIS)), End])
        .not_after(DID_NOT),
    stop("asks not to be texted", &[word(DO_NOT), near(SEND), far(MORE), soon(TEXT)])
        .not_after(DID_NOT),
    stop("asks not to be texted", &[word(DO_NOT), near(SEND), near(ME), near(TEXT)])
        .not_after(DID_NOT),
    stop("asks not to be texted", &[word(ECRIRE), soon(NO_LONGER)])
        .not_around(WHEN.or(BOOKING).or(HAVE))
        .not_after(I)
        .not_right_after(HAVE)
        .not_before(&[&[word(LATER)], &[near(THING_SENT)], &[directly(TO), word(WORK)]]),
    stop("asks not to be texted", &[word(BOTHER), soon(NO_LONGER)]).not_after(I).not_around(VOUS),
    stop(
        "asks not to be texted",
        &[word(SEND), soon(NO_LONGER), near(TEXTS.or(TEXT).or(PAS).or(JUNK))],
    ),
    stop("asks not to be texted", &[word(NE), soon(ECRIRE.or(BOTHER)), near(NO_LONGER)])
        .not_after(I),
    stop(
        "asks not to be texted",
        &[word(NE), soon(SEND), near(NO_LONGER), far(TEXTS.or(TEXT).or(PAS).or(JUNK))],
    )
    .not_after(I),
    stop("asks not to be texted", &[word(NO_LONGER), soon(ECRIRE.or(BOTHER).or(CONTACTED))])
        .not_after(I.or(CANT).or(BEEN))
        .not_around(BEEN.or(CONNECTIVE)),
    stop("asks not to be texted", &[word(NO_LONGER), soon(SEND), far(TEXTS.or(TEXT).or(JUNK))])
        .not_after(I.or(CANT)),
    stop(
        "asks not to be texted",
        &[word(NE), word(NO_LONGER), soon(RECEIVE), far(TEXTS.or(TEXT).or(JUNK).or(THESE))],
    ),
    stop("asks not to be texted", &[word(NE), word(PLUS), word(SEND), End]),
    stop("asks not to be texted", &[word(NO_LONGER), near(USE), near(NUMBER)]),
    stop(
        "does not allow texts",
        &[word(YOU), near(NOT.or(ISNT).or(CANT).or(PAS).or(NO)), near(ALLOWED)],
    ),
    stop(
        "does not allow texts",
        &[word(YOU), near(CANT.or(NOT)), near(TEXTING_SOMEONE), near(TO_ME)],
    )
    .not_after(WHY.or(WHEN)),
    stop("does not allow texts", &[word(WHO.or(WHAT)), word(ALLOWED), word(YOU)]),
    stop("does not allow texts", &[word(WHO), soon(YOU), soon(TEXTING_SOMEONE), word(ME)]),
    stop("does not allow texts", &[word(VOUS_TE), near(WHO), near(ECRIRE), End]),
    stop("does not allow texts", &[word(WHO), near(VOUS_TE), far(ECRIRE), End]),
    stop("does not allow texts", &[word(WHO), near(SAID), word(YOU), far(TEXTING_SOMEONE)]),
    stop("takes consent back", &[word(TAKE), word(BACK), near(CONSENT)]),
    stop("does not allow texts", &[word(FORBID), soon(DOING.or(SEND).or(RECEIVE))]),
    stop("does not allow texts", &[word(WHO), word(GAVE), word(YOU), near(CONSENT)]),
    stop(
        "wants no more texts",
        &[word(NO), word(MORE), near(SOME_TEXTS.or(TEXT).or(CONTACT).or(THIS).or(CALL))],
    ),
    stop("wants no more texts", &[Begin, word(NO), word(TEXT), End]).not_asked(),
    stop("wants no more texts", &[Begin, word(PAS), word(TEXTS), word(ME), End]),
    stop("wants no more texts", &[word(PAS), soon(OR), word(TEXTS), End])
        .not_after(RECEIVED.or(HAVE)),
    stop("asks not to be texted", &[Begin, word(NOT), word(SEND.or(WELCOME)), End]),
    stop("asks not to be texted", &[Begin, word(NOT), word(REPLY.or(DISTURB)), End]),
    stop("asks not to be texted", &[word(NOT), near(BLOW), word(ME), word(AGAIN.or(UP))]),
    stop("asks not to be texted", &[word(NE), near(CALL_FR), word(PLUS), End]),
    stop("asks not to be texted", &[word(NOT), near(SOLICIT), word(UP)]).not_after(DID_NOT),
    stop("asks not to be texted", &[word(NOT), word(USE), directly(THIS), End]),
    stop("asks not to be texted", &[word(NOT), word(USE), far(JUNK.or(TEXTS))]),
    stop("asks not to be texted", &[word(NOT), word(CONTACTED), word(AGAIN)])
        .not_after(HAVE.or(DID)),
    stop("asks not to be texted", &[word(NO), near(MANDAR)]),
    stop("asks to be removed", &[word(REMOVE_ES)]),
    stop("asks not to be texted", &[word(NE), near(SEND), word(PLUS), End]),
    stop("asks not to be texted", &[word(NO.or(PAS)), word(WANT), near(CONTACTING), near(ME), End]),
    stop("asks not to be texted", &[word(NO.or(PAS)), word(WANT), near(CONTACTING), End]),
    stop("wants no more texts", &[Begin, word(NO), word(MORE), End]),
    stop("wants no more texts", &[word(NO), directly(MORE), End])
        .not_after(BE.or(IS).or(HAVE))
        .not_asked(),
    stop("wants no more texts", &[Begin, word(NO), word(JUNK_OFFERS.or(CONTACT)), End]),
    stop(
        "wants no more texts",
        &[word(NO), word(CALL.or(EMAIL)), word(OR), word(TEXTS.or(TEXTING))],
    ),
    stop("wants no more texts", &[word(NO), word(TEXTS.or(TEXTING)), word(NO.or(OR))])
        .not_after(RECEIVED),
    stop("wants no more texts", &[Begin, word(PLUS), directly(OF), word(TEXT)]),
    stop("wants no more texts", &[word(WANT), word(PLUS), directly(OF), word(TEXT)]),
    stop("asks to end the texts", &[word(EASE), soon(TEXTS)]),
    stop("is tired of the texts", &[word(HATE), near(RECEIVE.or(TEXTS)), near(TEXTS.or(THESE))]),
    stop("is tired of the texts", &[word(HATE), word(TEXTS)]),
    stop("wants no more texts", &[word(NO), near(TEXTS.or(TEXTING).or(CONTACT)), End])
        .not_after(RECEIVED.or(I))
        .not_asked(),
    stop("wants no more texts", &[word(NO), word(CALL), near(NO), word(TEXTS.or(TEXTING))]),
    stop(
        "wants no more texts",
        &[word(PLUS.or(ENOUGH).or(TOO)), near(MUCH.or(PAS)), near(TEXTS.or(SPAM).or(TEXT))],
    ),
    stop("wants no more texts", &[word(PLUS.or(ENOUGH).or(TOO)), near(TEXTS.or(SPAM).or(TEXTING))])
        .not_after(RECEIVED),
    stop("wants no more texts", &[word(ENOUGH.or(TOO)), near(THESE_EN)]),
    stop("wants no more texts", &[word(PAS), word(TEXTS.or(TEXT).or(SPAM)), End])
        .not_after(RECEIVED.or(HAVE)),
    stop("wants no more texts", &[word(TEXTING_SOMEONE.or(SEND)), soon(TOO), word(MUCH)]),
    stop("wants no more texts", &[Begin, word(PLUS), word(JUNK_OFFERS), End]),
    stop("wants no more texts", &[Begin, word(FINI), near(TEXTS.or(SUBSCRIPTION))]),
    stop("wants no more texts", &[Begin, word(PUT), word(ENDING), End]),
    stop("wants no more texts", &[Begin, word(ENOUGH), End]),
    stop("wants no more texts", &[Begin, word(THIS), word(ENOUGH), End]),
    stop("wants no more texts", &[word(TEXTS), word(TOO), word(MUCH), End]),
    stop("wants no more texts", &[word(EN), soon(TIRED.or(ENOUGH)), End]),
    stop("wants no more texts", &[Begin, word(PLUS), word(RIEN.or(CONTACT).or(JAMAIS)), End]),
    stop("wants no more texts", &[Begin, word(JAMAIS), word(PLUS), End]),
    stop("wants no more texts", &[word(LEAVE), directly(FAIRE), near(TEXTS)]),
    stop("wants no more texts", &[Begin, word(NO), near(TEXTING_SOMEONE.or(SEND)), directly(ME)]),
    stop("wants no more texts", &[Begin, word(YOU), directly(NO), word(TEXTING_SOMEONE)]),
    stop("asks not to be texted", &[word(LONGER), near(TEXTING_SOMEONE.or(SEND))])
        .not_after(CANT.or(CAN_ASK)),
    stop("asks not to be texted", &[word(DO_NOT), word(SEND), directly(ME), End]),
    stop("asks not to be texted", &[word(DO_NOT), word(SEND), directly(TO_EN), directly(ME), End]),
    stop("asks not to be texted", &[word(NOT), directly(DOES), word(THIS), word(AGAIN), End]),
    stop("said to stop", &[word(ASKED), near(TO_EN), word(CEASE), End]).not_after(CAN),
    stop("said to stop", &[word(HOW_MANY), near(TIMES), far(SAID)]).not_after(CAN),
    stop("said to stop", &[word(UNDERSTAND), far(KEYWORD)]),
    stop("wants it to stop", &[word(VOUS), far(CESSER), End]).not_around(FAULT),
    stop("said to stop", &[Begin, word(RESPECT), far(KEYWORD.or(CEASE).or(UNSUBSCRIBE))]),
    stop("asks to be removed", &[word(BE), directly(FORGOTTEN)]),
    stop("wants no more texts", &[Begin, word(ENOUGH), word(ENOUGH.or(THIS)), End]),
    stop("wants no more texts", &[Begin, word(THIS), word(SUFFIT), End]),
    stop("wants no more texts", &[word(C), word(ENOUGH), End]).not_before(&[&[directly(THANKS)]]),
    stop("wants no more texts", &[word(START), word(FAIRE), word(TEXTS)]),
    stop("wants no more texts", &[word(ECRIRE), word(TOO)]).not_before(&[&[directly(LATER)]]),
    stop("wants no more texts", &[word(THIS), word(VA), word(FAIRE), End]),
    stop("wants no more texts", &[word(VA), word(FAIRE), word(TEXTS.or(SPAM))]),
    stop(
        "is tired of the texts",
        &[word(TIRED), soon(TEXTS.or(SPAM).or(TEXTING).or(THESE).or(ECRIRE))],
    ),
    stop("is tired of the texts", &[word(TIRED), directly(OF), directly(THIS), End])
        .not_before(&[&[word(FAULT)]]),
    stop("is tired of the texts", &[Begin, word(OVER), word(TEXTS.or(SPAM))]),
    stop("is tired of the texts", &[word(I), word(OVER), word(TEXTS.or(SPAM))]),
    stop("is tired of the texts", &[word(CANT), near(TAKE), word(MORE), near(TEXTS)]),
    stop("is tired of the texts", &[word(TIRED), word(YOU), End]).not_after(WHEN.or(CAN)),
    stop("is tired of the texts", &[word(I), near(HAD), word(ENOUGH), End]),
    stop("wants no more texts", &[word(HOPE), far(LAST), word(TEXT.or(TEXTS))]),
    stop("wants no more texts", &[word(LAST), word(WARNING), End]),
    stop("wants no more texts", &[word(WHY), word(MUCH), word(TEXTS)]),
    stop("wants no more texts", &[word(FINI), word(TEXTS)]).not_asked(),
    stop("wants no more texts", &[word(TOO), word(C), word(TOO)]),
    stop("is no customer", &[word(LONGER.or(PLUS)), near(AFFAIRE)]).not_asked(),
    stop("is no customer", &[word(TIRED.or(FINI)), soon(AFFAIRE)]).not_asked(),
    stop("wants no more texts", &[word(NO_INTEREST), word(QUANTITY), near(TEXT.or(TEXTS))])
        .not_after(RECEIVED.or(HAVE).or(I))
        .not_asked(),
    stop("wants no more texts", &[word(NO), word(FOLLOW)])
        .not_before(&[&[soon(BOOKING)]])
        .not_asked(),
    stop("wants no more texts", &[word(TEXTS), near(SUFFIT)]),
    stop("wants no more texts", &[word(TEXTS), soon(NON), directly(THANKS), End]),
    stop("is tired of the texts", &[word(TIRED), word(JUNK_OFFERS)]),
    stop("is tired of the texts", &[word(CANT), word(TAKE), near(TEXTS)]),
    stop("wants no more texts", &[Begin, word(SEND.or(CALL_FR)), near(PLUS), End]),
    stop("wants no more texts", &[Begin, word(SEND), near(PLUS), directly(THIS_ONE)]),
    stop("does not allow texts", &[word(FINI), word(CONSENT)]),
    stop("wants it to stop", &[word(IF_OR_WISH), near(TEXTS), word(STOPPED)]),
    stop("asks to stop the texts", &[word(CEASE), near(MANDAR)]),
    stop("asks to end the texts", &[Begin, word(END), word(TEXT), End]),
    stop("asks to end the texts", &[Begin, word(END), far(TEXTS)])
        .not_around(BOOKING.or(CONNECTIVE).or(OR).or(I)),
    stop(
        "asks to turn the texts off",
        &[word(TURN), near(TEXTS.or(TEXT).or(THESE)), word(DOWN), End],
    ),
    // Does not want them.
    stop("does not want texts", &[word(TEXTS), near(NOT.or(ISNT)), word(NEEDED)]),
    stop("does not want texts", &[word(AGAINST), near(TEXTS)]),
    stop("does not want texts", &[word(OBJECT), directly(TO_EN), far(DOING.or(RECEIVE).or(JUNK))]),
    stop(
        "does not want texts",
        &[word(VOTRE), word(JUNK.or(TEXTS)), soon(INTERESTED), near(NO_LONGER)],
    ),
    stop("does not want texts", &[word(EN), word(GIVE_RUDELY), near(JUNK.or(TEXTS))]),
    stop("does not want texts", &[word(RIEN), word(FAIRE), near(JUNK.or(TEXTS))]),
    stop("is not interested", &[word(NO_INTEREST), near(INTERESTED), End])
        .not_before(&[&[far(JUST)]]),
    stop(
        "is not interested",
        &[word(NO_INTEREST), near(INTERESTED), word(YOUR.or(THESE).or(ALL)), near(OFFERED)],
    )
    .not_before(&[&[far(JUST)]]),
    stop("is not interested", &[word(NO_INTEREST), near(INTERESTED), near(TEXTS.or(CONTACTED))]),
    stop("is not interested", &[Begin, word(ME_FR), directly(INTERESTED), word(NO_LONGER), End]),
    stop("is not interested", &[word(THIS), near(ME_FR), word(INTERESTED), word(NO_LONGER), End])
        .not_before(&[&[far(JUST)]]),
    stop("does not want texts", &[word(NO_INTEREST), word(WANT), word(THIS_ONE), End]),
    stop("does not want texts", &[word(NO_INTEREST), near(WANT), word(VOTRE), word(OFFERED)]),
    stop("does not want texts", &[word(WANT), near(PAS), word(THIS_ONE), End]),
    stop("does not want texts", &[word(EN), near(WANT), word(PAS), End]),
    stop("does not want texts", &[word(WANT), word(PLUS), word(RIEN.or(EN))]),
    stop("does not want texts", &[word(WANT), word(RIEN), word(TO_EN)]),
    stop("does not want texts", &[Begin, word(STORE), directly(THIS), near(VOUS)]),
    stop("does not want texts", &[word(WANT), word(PAS), directly(DE), directly(VOTRE)]),
    stop("does not want texts", &[Begin, word(STORE), directly(VOTRE), near(TEXTS.or(JUNK))]),
    stop(
        "does not want texts",
        &[
            word(NOT.or(LONGER).or(NO_LONGER).or(ISNT)),
            near(WANT),
            soon(RECEIVE),
            far(TEXTS.or(TEXT).or(JUNK).or(THESE).or(TEXTING)),
        ],
    )
    .not_around(CALL.or(BOOKING).or(WHEN)),
    stop(
        "does not want texts",
        &[
            word(WANT),
            near(NOT.or(NO).or(NO_LONGER).or(NE)),
            far(TEXTS.or(SPAM).or(CONTACTED).or(TEXTING_SOMEONE).or(HEAR).or(LIST).or(JUNK_OFFERS)),
        ],
    )
    .not_around(CALL.or(BOOKING).or(WHEN).or(BEEN)),
    stop(
        "does not want texts",
        &[
            word(WANT),
            near(NOT.or(NO_LONGER)),
            near(RECEIVE),
            far(TEXTS.or(TEXT).or(JUNK).or(THESE)),
        ],
    ),
    stop("does not want texts", &[Begin, word(WANT), word(PLUS), End]),
    stop("does not want texts", &[word(WANT), word(PLUS), directly(THIS), End]),
    stop("does not want texts", &[word(WANT), word(PLUS), directly(DE), directly(THIS), End]),
    stop("does not want texts", &[word(WANT), near(PLUS.or(PAS)), soon(NOUVELLES)]),
    stop("does not want texts", &[word(LONGER.or(NOT)), word(WANT), word(RECEIVE), End]),
    stop("is tired of the texts", &[word(HAD), directly(THIS), near(TEXTS)]),
    stop("does not want texts", &[word(WANT), near(NO_LONGER), word(RECEIVE), End]),
    stop("does not want texts", &[word(WANT), near(PAS), word(SAVOIR)]),
    stop("does not want texts", &[word(WANT), word(JUNK), soon(FROM), word(YOU)]),
    stop("does not want texts", &[word(EN), near(WANT), word(PLUS), End]),
    stop("does not want texts", &[word(NOBODY), near(WANT), near(TEXTS)]),
    stop("does not want texts", &[word(NE), word(RECEIVE), word(PLUS)]),
    stop(
        "does not want texts",
        &[word(SURE), far(NOT), near(RECEIVE), far(TEXTS.or(THESE).or(MORE))],
    ),
    // Removal.
    stop(
        "asks to be removed",
        &[word(REMOVE), soon(FROM.or(DE)), word(VOTRE), near(LIST.or(TEXTS))],
    )
    .not_around(BOOKING),
    stop(
        "asks to be removed",
        &[Begin, word(LET), directly(ME), word(OUT_ONLY), word(THIS_ONE), End],
    ),
    stop("asks to forget the number", &[word(YOU), word(NEVER), word(HAD), word(MY), word(NUMBER)]),
    stop("asks to be kept off a list", &[word(LIST), word(EXCLUSION)]),
    stop("asks to be removed", &[word(REMOVE), word(ME), End]),
    stop("asks to be removed", &[word(REMOVE_EN), word(ME)]),
    stop("asks to be removed", &[word(REMOVE), soon(NUMBER)])
        .not_before(&[&[word(OF), word(BOOKING)]]),
    stop("asks to be removed", &[word(REMOVE), word(MY.or(THIS)), word(KEPT)]),
    stop("asks to be removed", &[word(REMOVE), word(MY), word(PHONE), End]),
    stop("asks to be removed", &[Begin, word(TAKE), directly(OUT_ONLY), near(PHONE)]),
    stop("asks to be removed", &[word(HOW), word(BE), word(REMOVED)]),
    stop("asks to be removed", &[word(END), directly(ME), word(FROM), near(LIST)]),
    stop("asks to be removed", &[Begin, word(END), directly(ME), End]),
    stop(
        "asks to be removed",
        &[word(NOT), word(INCLUDE), word(ME), far(TEXTS.or(LIST).or(THESE))],
    ),
    stop(
        "asks to be removed",
        &[Begin, word(REMOVED_EN.or(REMOVE_EN)), word(FROM), far(GONE_FROM)],
    ),
    stop("asks to be removed", &[word(SURE.or(SEE)), far(REMOVED_EN), End]),
    stop("asks to be removed", &[Begin, word(REMOVE), directly(HIM), End]),
    stop("asks to forget the number", &[word(DO_NOT), word(STORE), word(MY.or(THIS)), word(KEPT)]),
    stop(
        "asks to forget the number",
        &[word(NOT), word(WANT), word(YOU), near(HAVE), near(NUMBER)],
    ),
    stop("asks to be removed", &[word(BE), word(REMOVED_EN), far(LIST.or(TEXTS))]),
    stop("asks to be removed", &[word(I), word(REMOVED_EN), word(FROM), near(LIST)])
        .not_after(WHY.or(DID).or(IS)),
    stop("asks to be removed", &[word(RETRAIT), End]).not_after(FAULT).not_right_after(ARTICLE),
    stop("says to have unsubscribed", &[word(ASKED), near(BE), word(UNSUBSCRIBED)]),
    stop("asks to be removed", &[word(RETRAIT), near(LIST)]),
    stop("asks to be removed", &[word(EXIT), near(LIST)]),
    stop("asks to be removed", &[word(REMOVE), word(THIS.or(LE)), near(LIST)]),
    stop("asks to be removed", &[word(RID), near(TEXTS.or(THESE))]),
    stop("asks to be removed", &[word(ME_FR), word(REMOVE), End]),
    stop("asks to be removed", &[word(ME_FR), near(REMOVE), far(LIST.or(TEXTS))]),
    stop("asks to be removed", &[word(END.or(REVOKE)), word(MY), word(NUMBER)]),
    stop("asks to be removed", &[Begin, word(REMOVE_EN.or(REMOVED_EN)), End]),
    stop("asks to be removed", &[word(WANT.or(ASKED).or(CAN)), near(BE), word(REMOVED)])
        .not_before(&[&[directly(EARLY)]])
        .not_around(THIS.or(FAULT)),
    stop("asks to be removed", &[word(KEPT), near(REMOVED)])
        .not_before(&[&[far(BOOKING)]])
        .not_after(WHY),
    stop("asks to be removed", &[word(TAKE), word(ME), word(OFF), End]),
    stop(
        "asks to be removed",
        &[word(TAKE), word(ME), word(OFF), far(LIST.or(TEXTS).or(TEXT).or(THIS).or(HERE))],
    ),
    stop("asks to be removed", &[word(TAKE), word(ME), word(OFF), directly(YOUR)]),
    stop("asks to be removed", &[word(TAKE), word(MY.or(THIS)), near(NUMBER), directly(OFF)]),
    stop("asks to be removed", &[word(WANT), word(REMOVED), directly(FROM)]),
    stop("asks to be removed", &[word(LOSE), word(THIS), word(DETAILS)]),
    stop("asks to be kept off a list", &[word(LIST), word(NON)]),
    stop("asks to be removed", &[word(OFF), word(LIST)])
        .not_before(&[&[word(PRICE)], &[directly(OF_EN)]]),
    stop("asks to be removed", &[word(OFF), word(TEXTING_SOMEONE.or(SOME_TEXTS)), near(LIST)]),
    stop("asks to be removed", &[Begin, word(WANT), word(OFF), End]),
    stop("asks to be removed", &[word(I), word(WANT), word(OFF), End]),
    stop("asks to be removed", &[word(HOW), near(TAKE), word(OFF), word(THIS), End]),
    stop("asks to be removed", &[word(NUMBER), word(REMOVE), End]),
    stop("asks to be removed", &[word(REMOVE), word(ALL), near(YOU), word(HAVE)]),
    stop(
        "asks to be removed",
        &[word(NUMBER), far(REMOVE.or(TAKE)), word(THIS), near(OFF.or(LIST))],
    )
    .across_sentences(),
    stop("asks to be removed", &[word(NUMBER.or(PHONE)), far(REMOVE), word(THIS.or(LE)), End])
        .across_sentences(),
    stop("asks to be removed", &[word(SHOULD_NOT), near(ON), near(LIST)]),
    stop("asks to be removed", &[word(SHOULD), word(NOT.or(PAS)), near(ON), near(LIST)]),
    stop("asks to be removed", &[word(WHY), word(I), word(ON), near(LIST)]),
    stop("asks to forget the number", &[word(LOSE), soon(NUMBER)])
        .not_after(HAVE.or(DID))
        .not_right_after(I),
    stop("asks how the number was got", &[word(WHO), near(YOU), near(GAVE), near(NUMBER)]),
    stop("asks how the number was got", &[word(WHO), near(GAVE), near(YOU), near(NUMBER)]),
    stop(
        "asks how the number was got",
        &[word(HOW.or(WHAT).or(WHY)), soon(YOU), near(RECEIVE.or(RECEIVED).or(HAVE)), near(NUMBER)],
    ),
    stop("asks to forget the number", &[Begin, word(LOSE), word(ME), End]),
    stop("asks to be removed", &[word(REMOVE), word(ME), near(LA), End]),
    stop("asks to be removed", &[word(HOW), word(ME_FR), near(REMOVE), End]),
    stop("asks to be removed", &[word(TAKE), directly(HERS.or(HIM)), word(OFF), End]),
    stop("asks to be removed", &[word(RETRAIT), near(NUMBER.or(NAME))]),
    stop("asks to be removed", &[word(HOW.or(WHY)), soon(I), far(LIST)]).not_around(BOOKING),
    stop("asks to be removed", &[word(LET), word(ME), near(FROM), near(LIST.or(TEXTS).or(TEXT))]),
    // Unsubscribing.
    stop("unsubscribes", &[word(UNSUBSCRIBE)]),
    stop(
        "unsubscribes",
        &[word(OPT), directly(OUT_ONLY), word(ME.or(NUMBER).or(ASKED).or(INTERNET))],
    ),
    stop("unsubscribes", &[word(OPT), soon(OUT_ONLY), End]),
    stop("unsubscribes", &[word(OPT), soon(OUT_ONLY), far(DOING.or(LIST).or(THESE).or(RECEIVE))]),
    stop("unsubscribes", &[word(OPT), soon(OUT_ONLY), soon(THIS.or(ALL)), End]),
    stop("says to have unsubscribed", &[Begin, word(OPTED), directly(OUT_ONLY), End]),
    // The wrong person.
    stop("says the number is wrong", &[word(WRONG), word(NUMBER)]),
    stop("says the number is wrong", &[word(WRONG), word(PHONE), near(NUMBER)]),
    stop("says the number is wrong", &[word(WRONG), word(PERSON.or(DESTINATAIRE)), End])
        .not_after(OOPS.or(MY)),
    stop("says the number is wrong", &[word(ERROR), near(NUMBER.or(PERSON))]),
    stop("says the number is wrong", &[word(MISTAKEN), near(NUMBER.or(PERSON))]),
    stop(
        "says the number is wrong",
        &[word(NOT.or(ISNT).or(PAS)), word(RIGHT), word(NUMBER.or(PERSON))],
    ),
    stop("says the number is another's", &[word(LONGER.or(ISNT)), near(NUMBER)]),
    stop("says the number is another's", &[word(LONGER.or(ISNT)), near(PHONE), End]),
    stop("says the number is another's", &[word(IS), word(NOT), near(NUMBER.or(PHONE))])
        .not_around(THIS),
    stop("says the number is another's", &[Begin, word(NOT), word(NUMBER)]),
    stop(
        "says the number is another's",
        &[Begin, word(NOT), word(MY.or(HERS).or(PROPER)), near(NUMBER.or(PHONE))],
    ),
    stop("says the number is another's", &[word(LONGER), near(BELONG), soon(NUMBER.or(PHONE))]),
    stop(
        "says the number is another's",
        &[word(NUMBER.or(PHONE)), soon(NOT.or(LONGER).or(PLUS)), near(BELONG)],
    ),
    stop("says the number is another's", &[word(NUMBER.or(PHONE)), near(BELONG), near(SOMEONE)]),
    stop(
        "says the number is another's",
        &[word(NOT.or(DIDNT)), near(HAVE.or(BELONG)), word(THIS), near(NUMBER.or(PHONE))],
    )
    .not_after(I),
    stop("says the number is another's", &[word(PLUS), word(NUMBER), word(OF)])
        .not_after(HAVE)
        .not_before(&[&[word(LIST.or(BOOKING))]]),
    stop("says the number is another's", &[word(PLUS), word(MY), word(NUMBER.or(PHONE))])
        .not_after(HAVE),
    stop("says the number is another's", &[word(NUMBER), soon(CHANGED), soon(OWNER)]),
    stop("says the number is another's", &[word(NUMBER.or(PHONE)), soon(BELONG), word(PLUS)]),
    stop("says the number is another's", &[word(NUMBER), far(ISNT), word(MY)]),
    stop("says the number is another's", &[word(NO), word(NEXT), far(NAME)]),
    stop("says the number is another's", &[word(NOBODY), far(NAME)]),
    stop("says the number is another's", &[word(REASSIGNED)]),
    stop("says the number is another's", &[word(HAD), word(THIS), word(NUMBER)]).not_after(I),
    stop("says the number is another's", &[word(NUMBER), near(PLUS), word(PROPER)]),
    stop("says the number is another's", &[word(NOT.or(LONGER)), word(LIVE), word(HERE)])
        .not_after(I),
    stop("says the number is another's", &[word(PLUS), word(THIS), word(NUMBER)]).not_after(I),
    stop("says the number is another's", &[word(NOT.or(PAS)), word(PERSON.or(WHO)), far(LOOKING)]),
    stop("says the number is another's", &[word(I), word(NOT.or(PAS)), directly(PROPER), End]),
    stop(
        "says the number is another's",
        &[word(THIS), word(IS), word(NOT.or(PAS)), directly(PROPER), End],
    ),
    stop("says the number is another's", &[Begin, word(NOT), directly(PROPER), End])
        .not_after(PROPER)
        .not_before(&[&[soon(PROPER)]]),
    stop("says the number is another's", &[word(ISNT), directly(PROPER), End]),
    stop("says the number is another's", &[word(NO.or(PAS).or(PLUS)), word(PROPER), word(HERE)]),
    stop(
        "says the number is another's",
        &[word(IS), word(NOT.or(LONGER)), directly(PROPER), directly(AGAIN)],
    ),
    stop("says the number is another's", &[word(HERS.or(HIM)), near(CHANGED), directly(NUMBERS)]),
    stop("says the number is another's", &[word(SOMEONE), far(HAVE), word(THIS), word(NUMBER)]),
    stop("says the number is another's", &[word(OWNER), word(NUMBER)]),
    stop("says the number is another's", &[word(NUMBER.or(PHONE)), far(OLD), word(OWNER)]),
    stop("says the number is another's", &[word(NO), near(AT), near(NUMBER)]).not_after(HAVE),
    stop(
        "says the number is another's",
        &[word(PAS), near(PROPER), near(TO), word(NUMBER.or(HERE))],
    ),
    stop("says the number is another's", &[word(PROPER), near(LONGER.or(PLUS)), word(HERE)]),
    stop("says the number is another's", &[word(CALL), word(PAS), directly(PROPER), End]),
    stop("says the number is another's", &[word(I), word(NE), word(PAS), directly(PROPER), End]),
    stop("says the number is another's", &[Begin, word(C), near(PAS), directly(PROPER), End]),
    stop("says the number is another's", &[word(NUMBER), near(PLUS), word(HIM)]),
    stop("says the number is another's", &[word(IS), word(PLUS), near(HIM), End]),
    stop("says the number is another's", &[word(THIS), word(PHONE), word(BELONG)]).not_asked(),
    stop("says the number is another's", &[word(CHILD), word(PHONE), End])
        .not_after(FROM)
        .not_before(&[&[soon(CALL)]])
        .not_asked(),
    stop("says the number is another's", &[word(C), near(PHONE), near(CHILD)])
        .not_before(&[&[soon(CALL)]]),
    stop("says the number is another's", &[Begin, word(THIS), word(LANDLINE), End]).not_asked(),
    stop("says the number is another's", &[Begin, word(HIM.or(PERSON)), near(DIED), End]),
    stop(
        "says the number is another's",
        &[Begin, word(THIS), near(NOT.or(PAS)), directly(ME), End],
    ),
    stop("says the number is another's", &[Begin, word(NOT), directly(ME), End]),
    stop("says the number is another's", &[word(NAME), near(NOT.or(PAS)), directly(PROPER)]),
    stop("is no customer", &[word(NO_INTEREST), word(CLIENT)])
        .not_before(&[&[word(WHEN.or(STILL))]])
        .not_after(STILL)
        .not_asked(),
    stop("does not know the shop", &[word(VOUS_TE), word(KNOW), word(PAS), End]),
    stop("does not know the shop", &[Begin, word(KNOW), word(PAS), End]),
    stop("does not know the shop", &[word(I), word(NOT), word(KNOW), word(YOU), End]),
    stop("does not know the shop", &[word(I), near(NOT), word(KNOW), near(WHO), End]),
    stop("does not know the shop", &[word(I), near(KNOW), word(PAS), near(WHO), End]),
    stop("says the number is another's", &[word(THIS), word(NUMBER), directly(USED)]),
    stop("says the number is another's", &[word(RECEIVED), word(SOMEONE), word(NUMBER)])
        .not_after(I),
    stop("says the number is another's", &[word(LIVE), word(PLUS.or(PAS)), word(HERE)])
        .not_after(I),
    stop("says the number is another's", &[Begin, word(NOT), word(LIVE), near(AGAIN)]),
    stop("says the number is wrong", &[Begin, word(NUMBER), word(WRONG)])
        .not_before(&[&[word(OF_WHAT)]]),
    stop("says the number is wrong", &[word(VOUS), near(MISTAKEN), End]),
    stop("says the number is another's", &[word(CHANGED), word(HERS), word(NUMBER)])
        .not_before(&[&[far(DIGITS)]]),
    stop("says the number is another's", &[word(CHANGED), word(NUMBER)])
        .not_after(I.or(MY))
        .not_before(&[&[far(DIGITS)]]),
    stop("says the number is another's", &[word(NOT.or(PAS).or(ISNT)), word(MY), word(NAME), End]),
    stop("says the number is another's", &[word(PAS), word(MY), word(NUMBER)]).not_after(HAVE),
    stop(
        "says the number is another's",
        &[word(PAS.or(PLUS)), word(NUMBER.or(PHONE)), directly(OF)],
    )
    .not_after(HAVE)
    .not_before(&[&[word(LIST.or(BOOKING))]]),
    stop("says the number is another's", &[word(KNOW), word(PAS), word(PROPER), End]),
    stop("says the number is another's", &[word(NOT), word(KNOW), word(PROPER), End]),
    stop("says the number is another's", &[word(NOBODY), word(HERE)]),
    stop("says the number is another's", &[word(THIS), word(NUMBER), soon(SOMEONE)]),
    stop("says the number is another's", &[word(NOT.or(ISNT).or(PAS)), word(HIM), End]),
    stop("says the number is another's", &[word(I), near(RECEIVED), word(THIS), word(NUMBER)])
        .not_before(&[&[word(FROM)]]),
    stop("says the number is another's", &[word(IS), word(NO), near(AT), near(NUMBER)]),
    stop(
        "says the number is another's",
        &[Begin, word(NUMBER.or(PHONE)), near(NO_INTEREST), near(PROPER.or(HERS).or(HIM))],
    )
    .not_asked(),
    stop("says the number is another's", &[word(ISNT), word(PROPER), word(HERE)]).not_asked(),
    stop("says the number is another's", &[Begin, word(PROPER), near(DECEASED), End]),
    stop(
        "says the number is another's",
        &[Begin, word(PROPER.or(HIM).or(PERSON)), near(DECEASED), word(AWAY), End],
    ),
    stop("does not know the shop", &[word(VOUS_TE), word(KNOW), near(PAS), End]),
    stop("says the number is another's", &[Begin, word(C), word(PAS), directly(ME), End])
        .not_before(&[&[soon(C)]]),
    stop("says the number is another's", &[word(D), word(HAVE), word(NUMBER)]),
    stop("says the number is another's", &[word(YOU), word(TEXTING), word(SOMEONE)]).not_asked(),
    stop("says the number is wrong", &[Begin, word(WRONG), directly(PROPER), End]),
    stop(
        "says the number is another's",
        &[word(PAS.or(PLUS)), word(NUMBER.or(PHONE)), directly(TO), word(PROPER.or(HIM))],
    )
    .not_after(HAVE),
    stop("says the number is another's", &[Begin, word(FIRST_NAME), near(DIED), End]),
    stop(
        "says the number is another's",
        &[Begin, word(FIRST_NAME.or(HIM)), near(DECEASED), directly(AWAY)],
    )
    .not_before(&[&[far(WANT.or(BOOKING))]]),
    stop("says the number is another's", &[word(PERSON), far(CONTACT), near(DIED)]),
    stop("says the number is another's", &[word(YOU), word(TEXTING), soon(YEARS.or(CHILD))]),
    // To be left alone.
    stop("wants to be left alone", &[word(LEAVE), soon(ME.or(PHONE).or(NUMBER)), soon(ALONE)]),
    stop(
        "wants to be left alone",
        &[word(LEAVE), word(MY), word(FAMILY.or(PHONE).or(NUMBER)), near(ALONE)],
    )
    .not_after(I.or(CAN)),
    stop("wants to be left alone", &[word(BE), word(LEFT), word(ALONE), End]),
    stop("wants to be left alone", &[word(ME_FR), word(LEAVE), near(QUIET)]),
    stop("wants to be left alone", &[word(ME_FR), word(GIVE_RUDELY), near(QUIET)]),
    stop("wants to be left alone", &[word(GIVE_RUDELY), word(ME), near(QUIET)]),
    stop("wants to be left alone", &[word(LET_GO), word(ME), End]),
    stop("wants to be left alone", &[word(ME_FR), word(LET_GO), End]),
    stop("wants to be left alone", &[word(LET_GO), word(MY), word(NUMBER.or(PHONE))]),
    stop("wants to be left alone", &[Begin, word(SHUT), directly(UP), End])
        .not_before(&[&[directly(OR)]]),
    stop("wants to be left alone", &[word(GUEULE)]),
    stop("wants to be left alone", &[word(LET), directly(ME), directly(BE), End]),
    stop("wants to be left alone", &[Begin, word(BEAT), directly(THIS), End]),
    stop("wants to be left alone", &[word(GIVE_RUDELY), near(CAMP)]),
    stop("wants to be left alone", &[Begin, word(ALLEZ), word(VOUS_TE), directly(EN), End]),
    stop("wants to be left alone", &[Begin, word(SHUT_FR), directly(LE.or(VOUS_TE)), End]),
    stop("wants to be left alone", &[Begin, word(LET_GO), directly(ME)])
        .not_before(&[&[directly(ARTICLE), word(CALL.or(TEXT))]]),
    stop("wants to be left alone", &[word(BOTHER), word(SOMEONE)]),
    stop("wants to be left alone", &[word(FIND), word(SOMEONE), far(TEXTING_SOMEONE.or(BOTHER))]),
    stop("wants to be left alone", &[Begin, word(ENDING), word(THIS), End]),
    stop("is annoyed by the texts", &[word(TEXTS), far(ANNOYING)]),
    stop("is annoyed by the texts", &[word(ANNOYING), far(TEXTS)]).not_around(CALL),
    stop("is annoyed by the texts", &[Begin, word(THIS), word(ME_FR), word(ANNOYING), End]),
    stop("is annoyed by the texts", &[Begin, word(VOUS), near(ANNOYING), End]),
    stop("is annoyed by the texts", &[Begin, word(VOUS), word(ME_FR), word(BOTHER)]),
    stop("wants to be left alone", &[Begin, word(GO), word(AWAY), End]),
    stop("wants to be left alone", &[Begin, word(EAT), near(MERDE)]),
    stop("wants to be left alone", &[Begin, word(STAY), word(AWAY.or(OUT_ONLY))]),
    stop("wants to be left alone", &[Begin, word(FUCK), word(OFF_ONLY)]),
    stop("wants to be left alone", &[Begin, word(RUDE), word(OFF_ONLY), End])
        .not_before(&[&[word(BOOKING)]]),
    stop("wants to be left alone", &[Begin, word(GO_AWAY)]),
    stop("wants to be left alone", &[Begin, word(ALLEZ), word(CHIER)]),
    stop("wants to be left alone", &[Begin, word(KNOCK), word(THIS), word(OFF_ONLY)]),
    stop("wants to be left alone", &[Begin, word(CUT), word(THIS), word(OUT_ONLY)])
        .not_before(&[&[near(BOOKING)]]),
    stop("wants to be left alone", &[Begin, word(GAVE), word(THIS), near(REST)]),
    stop("wants to be left alone", &[Begin, word(FUCK.or(RUDE)), directly(YOU), End]),
    stop("wants to be left alone", &[Begin, word(ALLEZ), word(VOUS_TE), word(FAIRE), word(CHIER)]),
    stop("wants to be left alone", &[word(WANT), near(QUIET), End]),
    stop("wants to be left alone", &[Begin, word(YOU.or(VOUS)), near(ANNOYING), End])
        .not_right_after(DE.or(DOES))
        .not_asked(),
    // Never asked for them.
    stop(
        "never asked for texts",
        &[
            word(DIDNT.or(NOT).or(PAS)),
            soon(SIGN_UP),
            soon(
                TEXTS
                    .or(TEXT)
                    .or(THESE)
                    .or(LIST)
                    .or(RECEIVE)
                    .or(SEND)
                    .or(CONTACTED)
                    .or(JUNK)
                    .or(TEXTING),
            ),
        ],
    )
    .not_before(&[&[word(WORK)]])
    .not_around(BOOKING.or(TIME)),
    stop(
        "never asked for texts",
        &[word(DIDNT.or(NOT).or(PAS).or(NOBODY)), soon(SIGN_UP), soon(THIS), End],
    ),
    stop("never asked for texts", &[word(DIDNT.or(JAMAIS)), near(SIGN_UP_ONLY), End]),
    stop("never asked for texts", &[word(DIDNT.or(JAMAIS)), near(SIGN_UP_ONLY), word(UP), End]),
    stop("never asked for texts", &[word(RIEN.or(PAS)), near(SIGN_UP_ONLY), End]).not_asked(),
    stop(
        "never asked for texts",
        &[word(DIDNT.or(NOT).or(PAS).or(NOBODY)), near(GAVE), soon(NUMBER.or(CONSENT))],
    ),
    stop("never asked for texts", &[word(DIDNT.or(NOT)), near(OPT.or(OPTED)), directly(IN)]),
    stop("never asked for texts", &[word(TEXTS), directly(NON), word(CONTACTED.or(WANT))]),
    stop("never asked for texts", &[word(UNWANTED), near(TEXTS.or(TEXT))]),
    stop("never asked for texts", &[word(TEXTS.or(TEXT)), near(UNWANTED)]),
    stop("never asked for texts", &[word(TEXTS.or(TEXT).or(SPAM)), word(NOT), word(WELCOME)]),
    stop("never asked for texts", &[word(DOES), directly(NOT), near(SIGN_UP_ONLY), End]),
    stop("never asked for texts", &[word(DIDNT.or(PAS)), soon(SIGN), soon(THIS), End])
        .not_around(BOOKING),
    stop("never asked for texts", &[word(NOT.or(DIDNT).or(NOBODY)), soon(SIGN), directly(UP), End])
        .not_around(BOOKING),
    stop(
        "never asked for texts",
        &[
            word(NOT.or(DIDNT).or(NOBODY)),
            soon(SIGN),
            directly(UP),
            far(DOING.or(THIS).or(LIST).or(JUNK).or(RECEIVE)),
        ],
    )
    .not_around(BOOKING.or(TIME)),
    stop("never asked for texts", &[word(RIEN), word(CONTACTED), End]),
    stop("never asked for texts", &[word(JAMAIS), word(SAID), far(WANT), directly(THIS), End]),
    stop("never asked for texts", &[word(NO), word(NEXT), near(GAVE), near(CONSENT)]),
    stop("never asked for texts", &[word(UNSOLICITED)]),
    stop("never asked for texts", &[word(DIDNT), word(WANT), near(THESE_EN.or(TEXTS))]),
    stop("never asked for texts", &[word(WHO.or(SOMEONE)), word(SIGN_UP.or(SIGN)), word(ME)]),
    stop("says the number is wrong", &[word(GAVE), word(YOU), near(NUMBER), near(MISTAKE)]),
    stop("says the number is wrong", &[word(MEANT), word(SOMEONE)]),
    stop("says the number is wrong", &[word(NOT), word(MEANT), word(ME)]),
    stop("takes consent back", &[word(REVOKE), near(CONSENT)]),
    stop("takes consent back", &[word(CONSENT), near(REVOKE)]),
    stop("takes consent back", &[word(NOT.or(LONGER).or(PAS).or(PLUS)), soon(CONSENT)])
        .not_after(DID_NOT)
        .not_before(&[&[soon(WORK.or(PRICE).or(BOOKING).or(BELONGING))]]),
    stop("takes consent back", &[word(NO), near(CONSENT)])
        .not_before(&[&[soon(WORK.or(PRICE).or(BOOKING).or(BELONGING))]]),
    stop("takes consent back", &[word(CONSENS), word(PAS.or(PLUS))])
        .not_before(&[&[soon(WORK.or(PRICE).or(BOOKING).or(BELONGING))]]),
    stop("takes consent back", &[Begin, word(I), word(REVOKE_ONLY), End]),
    // Complaints and threats.
    stop(
        "threatens to complain",
        &[word(IF), soon(TEXTING_SOMEONE.or(SEND)), near(MORE), word(TIMES)],
    ),
    stop(
        "threatens to complain",
        &[Begin, word(TEXT), word(ME), word(BACK_ONLY), word(THEN), word(SEE), word(WHAT_IF)],
    ),
    stop("threatens to complain", &[Begin, word(STILL), word(TEXT), soon(THEN), word(I)]),
    stop("threatens to complain", &[word(AUTHORITY)]),
    stop("threatens to complain", &[word(REPORT), near(SPAM.or(AUTHORITY))]).not_after(CAN_ASK),
    stop("threatens to complain", &[word(REPORT), word(YOU)]).not_after(CAN_ASK),
    stop("threatens to complain", &[word(IF), soon(TEXTING_SOMEONE), soon(AGAIN.or(STILL))])
        .not_around(CAN),
    stop("threatens to complain", &[word(DOING.or(SEND)), soon(AGAIN.or(MORE)), far(THREAT)]),
    stop("threatens to complain", &[word(LAWYER), word(YOU)]),
    stop("threatens to complain", &[word(I), near(CALL), near(LAWYER), End]),
    stop("threatens to complain", &[word(I), near(LAWYER), End]),
    stop("threatens to complain", &[word(EXPECT), far(LAWYER)]),
    stop("threatens to complain", &[word(TEXTS), far(LAWYER)]),
    stop("threatens to complain", &[word(I), near(REPORT), End]).not_after(CAN_ASK),
    stop("threatens to complain", &[Begin, word(COMPLAINT), word(PORTER)]),
    stop("threatens to complain", &[word(AGAINST), word(LAW), End]).not_asked(),
    stop("threatens to complain", &[word(LAWYER), far(STILL)]),
    stop("threatens to complain", &[word(THREAT), far(IF), near(TEXTING_SOMEONE.or(SEND))])
        .not_after(CAN_ASK),
    stop(
        "threatens to complain",
        &[
            word(MORE),
            near(CONTACT.or(TEXTS).or(TEXT)),
            far(SPAM.or(REPORT).or(LAWYER).or(COMPLAINT)),
        ],
    ),
    stop("threatens to complain", &[word(ANTI), directly(SPAM)]),
    stop("threatens to complain", &[word(THIS.or(C)), word(ILLEGAL)]),
    stop("threatens to complain", &[word(PORTER), word(COMPLAINT), End]),
    stop("threatens to complain", &[word(PORTER), word(COMPLAINT), near(IF)]),
    stop("blocks the number", &[word(BLOCK), directly(OBJECT_YOU)]).not_after(SOMEONE),
    stop("blocks the number", &[word(VOUS_TE), word(BLOCK), End]),
    stop("blocks the number", &[word(BLOCK), near(THIS.or(YOUR)), near(NUMBER)]),
    stop("blocks the number", &[word(BLOCK), word(TEXTS)]),
    stop("blocks the number", &[word(NUMBER), word(BLOCK)]),
    stop("blocks the number", &[word(YOU), near(BLOCKED), End]).not_after(DOES.or(WHY)),
    stop("blocks the number", &[Begin, word(BLOCK), word(OR), word(REPORT)]),
    stop("calls it spam", &[word(THIS), near(SPAM), End]).not_after(IS).not_around(IN_PLACE),
    stop("calls it spam", &[word(YOU), word(BOTHER), word(ME)]).not_after(CAN.or(DOES)),
    stop("calls it spam", &[word(HARASSED)]),
    stop("calls it spam", &[word(YOU), word(SPAM), End]),
    stop("calls it spam", &[word(C), near(SPAM)]).not_asked(),
    stop("calls it spam", &[word(FLAGGED), word(SPAM), End]),
    stop("calls it spam", &[word(NON), word(CONTACTED), End]),
    stop("calls it spam", &[Begin, word(SPAM), End]).not_after(IS.or(SORRY_FOR)),
    stop(
        "asks why the texts go on",
        &[word(WHY), far(STILL), soon(TEXTING_SOMEONE.or(TEXTS).or(RECEIVE).or(SEND))],
    ),
    stop(
        "asks why the texts go on",
        &[word(YOU), word(STILL), near(TEXTING_SOMEONE.or(SEND)), near(ME.or(TEXTS))],
    )
    .not_after(CAN.or(DID).or(IS)),
    stop("asks why the texts go on", &[word(VOUS), near(ECRIRE), word(STILL)]),
    stop("asks why the texts go on", &[word(WHY), near(YOU), near(ECRIRE), word(STILL)]),
    stop("asks why the texts go on", &[word(WHY), word(YOU), near(TEXTING_SOMEONE), word(ME), End])
        .not_around(NOT.or(PAS)),
    stop(
        "asks why the texts go on",
        &[word(YOU), word(STILL), near(TEXTING_SOMEONE.or(SEND)), word(MY)],
    )
    .not_after(CAN.or(DID).or(IS)),
    stop(
        "asks why the texts go on",
        &[word(WHY), near(I), near(RECEIVE.or(RECEIVED)), near(THIS.or(TEXTS)), End],
    )
    .not_around(DOES.or(BOOKING)),
    stop("asks why the texts go on", &[word(I), near(RECEIVED), near(STILL), near(TEXTS)])
        .not_after(IF),
    stop("asks why the texts go on", &[word(STILL), word(RECEIVE), near(TEXTS.or(THESE))])
        .not_after(CAN.or(DID).or(WANT)),
    // To be texted again.
    start(
        "asks to be texted again",
        &[word(START), near(TEXTING_SOMEONE), near(ME.or(BACK).or(TEXTS))],
    )
    .not_after(DID.or(WHY).or(NOT).or(DIDNT).or(NE))
    .not_before(&[&[near(WHEN)]])
    .not_around(OR),
    start("asks to be texted again", &[word(START), near(SEND.or(RECEIVE)), soon(TEXTS.or(TEXT))])
        .not_after(DID.or(WHY).or(NOT).or(DIDNT).or(NE))
        .not_around(OR),
    start("asks to be texted again", &[word(START), near(TEXTS)])
        .not_after(DID.or(WHY).or(NOT).or(DIDNT).or(NE))
        .not_around(OR),
    start("asks to be texted again", &[word(WANT), word(BACK_ONLY), near(LIST.or(TEXTS))])
        .not_after(NOT),
    start("asks to be texted again", &[word(WANT), near(RETURN), near(LIST)]).not_after(NOT.or(NE)),
    start("asks to be texted again", &[word(REMETTRE), near(NUMBER.or(TEXTS))]).not_after(NE),
    start("asks to be texted again", &[word(MAY), near(SEND), near(TEXTS), near(BACK_ONLY)]),
    start("asks to be texted again", &[word(WANT), near(BACK_ONLY), near(RECEIVE), near(TEXTS)])
        .not_after(NOT.or(NE)),
    start("asks to be texted again", &[word(WANT), near(RECEIVE), near(BACK_ONLY), near(TEXTS)])
        .not_after(NOT.or(NE)),
    start(
        "asks to be texted again",
        &[word(RESTART), near(TEXT.or(TEXTING).or(ECRIRE).or(SEND).or(TEXTS))],
    )
    .not_after(NOT.or(NE)),
    start("asks to be texted again", &[word(RESUBSCRIBE)]).not_after(NOT.or(NE)),
    start("asks to be texted again", &[word(UNBLOCK), near(ME.or(NUMBER))]).not_after(NOT.or(NE)),
    start("asks to be texted again", &[word(SUBSCRIBE), near(ME.or(BACK))])
        .not_after(NOT.or(DIDNT).or(NE).or(DID)),
    start(
        "asks to be texted again",
        &[word(ADD), word(ME), near(ON), soon(TEXT.or(TEXTING).or(TEXTS)), near(LIST)],
    )
    .not_after(NOT.or(DIDNT).or(WHY).or(NE)),
    start("asks to be texted again", &[word(ADD), word(ME), near(UP), far(TEXTS.or(TEXT))])
        .not_after(NOT.or(DIDNT).or(WHY).or(NE)),
    start("asks to be texted again", &[word(ADD), near(NUMBER), word(BACK)]).not_after(NOT.or(NE)),
    start("asks to be texted again", &[word(CONSENT), near(TEXTING_SOMEONE), near(BACK)])
        .not_after(NOT.or(PAS)),
    start("asks to be texted again", &[word(MAY), near(RENVOYER), near(TEXTS)]),
    start("asks to be texted again", &[word(ADD_FR), word(ME), far(TEXTS.or(LIST))]).not_after(NE),
    start("asks to be texted again", &[word(ADD_FR), word(ME), near(BACK)]).not_after(NE),
    start("asks to be texted again", &[word(REMETTRE), word(ME), End]).not_after(NE),
    start("asks to be texted again", &[word(OPT), soon(IN)])
        .not_after(NOT.or(DIDNT).or(MUST))
        .not_around(OUT_ONLY),
    start("asks to be texted again", &[word(TURN), near(TEXTS), word(BACK)]),
    start("asks to be texted again", &[word(TURN), word(BACK.or(ON)), near(TEXTS)]),
    start("asks to be texted again", &[word(YOU), near(MAY), near(TEXTING_SOMEONE), near(BACK)])
        .not_after(NOT.or(IF)),
    start("asks to be texted again", &[word(OKAY), near(TEXTING_SOMEONE), near(BACK)])
        .not_after(NOT.or(IF)),
    start("asks to be texted again", &[word(YOU), near(MAY), near(RE_WRITE)]),
    start(
        "asks to be texted again",
        &[word(WANT.or(MAY).or(HOW)), soon(RECEIVE), near(TEXTS), soon(BACK)],
    )
    .not_after(NOT.or(DIDNT).or(NE)),
    start("asks to be texted again", &[word(WANT), near(RE_WRITE), near(TEXTS)]),
    start("asks to be texted again", &[word(WANT), near(TEXTS), word(BACK_ONLY)])
        .not_after(NO_INTEREST.or(NE)),
    start("asks to be texted again", &[word(BACK_EN), word(ON), near(LIST)]).not_after(NO_INTEREST),
    start("asks to be texted again", &[word(PLEASE), word(TEXT), word(ME), word(BACK_ONLY), End]),
    // Who is texting.
    help("asks who texts", &[Begin, word(WHAT), near(ORIGIN), word(IS), word(THIS), End]),
    help("asks who texts", &[Begin, word(WHAT), word(IS), word(THIS), near(ORIGIN), End]),
    help("asks who texts", &[Begin, word(C), word(QUOI), word(THIS), word(ORIGIN), End]),
    help("asks who texts", &[word(WHO), directly(IS), near(TEXTING_SOMEONE.or(SEND)), word(ME)]),
    help("asks who texts", &[word(WHO), directly(ME_FR), directly(ECRIRE)]),
    help("asks who texts", &[word(WHO), word(I), near(TEXTING_SOMEONE), End]),
    help("asks how it works", &[Begin, word(HOW), far(TEXTS.or(TEXTING)), near(WORKS), End]),
    help("asks how it works", &[Begin, word(HOW), near(WORKS), near(TEXTS), End]),
    help("asks how it works", &[Begin, word(WHAT.or(LIST)), word(COMMANDS), End]),
    help("asks how it works", &[Begin, word(WHAT), word(COMMANDS), word(THIS.or(NUMBER)), End]),
    help(
        "asks how it works",
        &[
            Begin,
            word(WHAT),
            directly(CAN_ASK),
            directly(I),
            word(TEXT),
            word(NUMBER.or(HERE)),
            End,
        ],
    ),
    // What was done before, and is still wished.
    stop("said to stop", &[word(I), near(SENT), word(KEYWORD)]),
    stop("says to have unsubscribed", &[word(I.or(WANT).or(RECEIVE)), soon(UNSUBSCRIBED)])
        .not_after(WHY.or(DID)),
    stop("says to have unsubscribed", &[word(ME), directly(UNSUBSCRIBED)]),
    stop("says to have unsubscribed", &[word(I), near(OPTED), word(OUT_ONLY)]),
];

/// Sets aside the words that look like a wish and are none.
pub(super) fn set_ordinary_aside(senses: &mut [Sense]) {
    let union = union(senses);
    for rule in ORDINARY {
        let mut from = 0;
        while let Some((start, end)) = rule.find(senses, union, from) {
            for sense in senses.iter_mut().take(end).skip(start) {
                sense.set = Set::NONE;
            }
            from = end.max(start + 1);
        }
    }
}

/// The decision of the first wish of a meaning that `may_be` that fits, if one does.
pub(super) fn decide(senses: &[Sense], may_be: impl Fn(Meaning) -> bool) -> Option<Decision> {
    let union = union(senses);
    WISHES
        .iter()
        .filter(|rule| may_be(rule.meaning))
        .find(|rule| rule.find(senses, union, 0).is_some())
        .map(|rule| Decision { meaning: rule.meaning, rule: Some(rule.name) })
}

/// The concepts of all words.
fn union(senses: &[Sense]) -> Set {
    senses.iter().fold(Set::NONE, |union, sense| union.or(sense.set))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_can_be_shown_and_say_what_their_table_is_for() {
        for rule in ORDINARY {
            assert_eq!(rule.meaning, Text, "{}", rule.name);
        }
        for rule in WISHES {
            assert!(matches!(rule.meaning, Stop | Start | Help), "{}", rule.name);
        }
    }

    #[test]
    fn what_is_set_aside_leaves_the_rest() {
        let rest = |text: &str| {
            let mut senses = crate::consent::sense::senses(&crate::consent::words::words(text));
            set_ordinary_aside(&mut senses);
            senses.iter().filter(|sense| !sense.set.is_empty()).count()
        };
        assert_eq!(rest("stop by"), 0);
        assert_eq!(rest("don't stop"), 0);
        assert_eq!(rest("stop texting"), 2);
        assert!(decide_text("don't call me at home, and stop texting me").is_some());
        assert!(decide_text("can you stop by").is_none());
    }

    fn decide_text(text: &str) -> Option<Decision> {
        let mut senses = crate::consent::sense::senses(&crate::consent::words::words(text));
        set_ordinary_aside(&mut senses);
        decide(&senses, |_| true)
    }
}
