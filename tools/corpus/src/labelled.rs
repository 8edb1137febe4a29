//! Files of labelled texts: `label<TAB>text` a line.

use anyhow::{Context as _, Result};

/// The labels and texts of `lines`, each label as it stands in `labels`. Blank lines and
/// those that begin with `#` are passed over; what is neither is an error that names the
/// line.
pub(crate) fn texts<'a>(
    lines: &'a str,
    labels: &'static [&'static str],
) -> impl Iterator<Item = Result<(&'static str, &'a str)>> {
    let texts = lines.lines().enumerate();
    let texts = texts.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    texts.map(move |(index, line)| {
        let (label, text) = line
            .split_once('\t')
            .with_context(|| format!("line {} is not a label, a tab and a text", index + 1))?;
        let label = labels.iter().find(|known| **known == label).with_context(|| {
            format!("line {}: {label:?} is none of {}", index + 1, labels.join(", "))
        })?;
        Ok((*label, text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_line_is_named() {
        let read = |lines| {
            let texts = texts(lines, &["stop", "text"]);
            texts.collect::<Result<Vec<_>>>().map_err(|error| error.to_string())
        };
        assert_eq!(
            read("# a comment\n\nstop\tSTOP\ntext\ta\tb\n"),
            Ok(vec![("stop", "STOP"), ("text", "a\tb")])
        );
        assert_eq!(read("stop\tstop\nstop"), Err("line 2 is not a label, a tab and a text".into()));
        assert_eq!(read("halt\tstop"), Err("line 1: \"halt\" is none of stop, text".into()));
    }
}
