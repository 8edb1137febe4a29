//! What a text means, however it is dressed.

use trust::consent::{Meaning, classify};

/// Characters that show nothing: spaces of no width, direction marks, a byte order
/// mark, a soft hyphen, a variation selector.
const INVISIBLE: [char; 7] =
    ['\u{200b}', '\u{200d}', '\u{200e}', '\u{2060}', '\u{feff}', '\u{ad}', '\u{fe0f}'];

/// A decision is the same every time, and whatever the text looks like that says the
/// same to a reader. The input is the text, in UTF-8.
pub fn classifier(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let decision = classify(text, None);
    assert_eq!(classify(text, None), decision, "undecided about {text:?}");
    assert_eq!(decision.rule.is_none(), decision.meaning == Meaning::Text, "unfounded: {text:?}");

    let invisible = INVISIBLE.iter().cycle();
    let dressed = [
        format!("{text}\u{200b}\u{feff}"),
        text.chars().zip(invisible).flat_map(|(letter, nothing)| [letter, *nothing]).collect(),
        text.chars().map(full_width).collect(),
        format!(" {text}\n"),
    ];
    for same in dressed {
        assert_eq!(classify(&same, None), decision, "{same:?} is not {text:?}");
    }

    // What Twilio says is above all rules.
    for (told, meaning) in
        [("STOP", Meaning::Stop), ("START", Meaning::Start), ("HELP", Meaning::Help)]
    {
        assert_eq!(classify(text, Some(told)).meaning, meaning, "{text:?} is no {told}");
    }
}

/// The letter as phones in East Asia may type it.
fn full_width(letter: char) -> char {
    match letter {
        '!'..='~' => char::from_u32(u32::from(letter) + 0xfee0).unwrap_or(letter),
        _ => letter,
    }
}
