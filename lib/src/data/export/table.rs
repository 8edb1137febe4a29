//! Rows as they come from the database, and as a bundle has them.

use std::{borrow::Cow, io::Write as _};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor},
};
use thiserror::Error;

use super::schema::File;

/// How a bundle's tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// JSON Lines: an object a line.
    Json,
    /// CSV, as RFC 4180 has it, in UTF-8 with a byte order mark: without one,
    /// Excel takes it for the encoding of the machine.
    Csv,
}

/// A row is not what [`super::schema`] says.
///
/// Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a row does not fit the schema")]
pub struct RowError;

/// A value of a row.
enum Cell<'a> {
    Missing,
    Boolean(bool),
    Integer(i64),
    Text(Cow<'a, str>),
}

impl Format {
    /// The extension of a file of rows.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// What stands before the first row.
    pub fn head(self, file: &File) -> Vec<u8> {
        match self {
            Self::Json => Vec::new(),
            Self::Csv => {
                let names: Vec<_> = file.columns.iter().map(|column| column.name).collect();
                format!("\u{feff}{}\r\n", names.join(",")).into_bytes()
            }
        }
    }

    /// Appends rows of `file`, given as lines of JSON, and returns how many there were.
    pub fn append(self, file: &File, lines: &str, out: &mut Vec<u8>) -> Result<u64, RowError> {
        let mut count = 0;
        for line in lines.lines() {
            let cells = read(file, line).map_err(|_| RowError)?;
            match self {
                Self::Json => {
                    out.extend_from_slice(line.as_bytes());
                    out.push(b'\n');
                }
                Self::Csv => append_record(&cells, out),
            }
            count += 1;
        }
        Ok(count)
    }
}

fn append_record(cells: &[Cell<'_>], out: &mut Vec<u8>) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match cell {
            // Unlike an empty text, which has quotes.
            Cell::Missing => {}
            // A Vec takes all that is written.
            Cell::Boolean(value) => drop(write!(out, "{value}")),
            Cell::Integer(number) => drop(write!(out, "{number}")),
            Cell::Text(text) => {
                out.push(b'"');
                if is_guarded(text) {
                    out.push(b'\'');
                }
                for byte in text.bytes() {
                    if byte == b'"' {
                        out.push(b'"');
                    }
                    out.push(byte);
                }
                out.push(b'"');
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a spreadsheet might take a text for a formula, which can read files and
/// call servers. Such a text gets an apostrophe in front; so does one that begins
/// with an apostrophe itself, so that taking one away always gives the text.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn is_guarded(text: &str) -> bool {
    text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n',
        '\'', // And full-width, as some languages write them.
        '＝', '＋', '－', '＠',
    ])
}

/// The cells of a line, which must have the columns of `file` in their order.
fn read<'a>(file: &File, line: &'a str) -> Result<Vec<Cell<'a>>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let cells = Columns(file).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(cells)
}

/// Reads a row of a file.
struct Columns<'f>(&'f File);

impl<'de> DeserializeSeed<'de> for Columns<'_> {
    type Value = Vec<Cell<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Columns<'_> {
    type Value = Vec<Cell<'de>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with the columns of the file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut cells = Vec::with_capacity(self.0.columns.len());
        while let Some(name) = map.next_key::<&str>()? {
            if self.0.columns.get(cells.len()).is_none_or(|column| column.name != name) {
                return Err(A::Error::custom("another column"));
            }
            cells.push(map.next_value()?);
        }
        if cells.len() < self.0.columns.len() {
            return Err(A::Error::custom("a column is missing"));
        }
        Ok(cells)
    }
}

impl<'de> Deserialize<'de> for Cell<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CellVisitor;

        impl<'de> Visitor<'de> for CellVisitor {
            type Value = Cell<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("null, true, false, a whole number or a text")
            }

            fn visit_unit<E>(self) -> Result<Cell<'de>, E> {
                Ok(Cell::Missing)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Cell<'de>, E> {
                Ok(Cell::Boolean(value))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Cell<'de>, E> {
                Ok(Cell::Integer(number))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Cell<'de>, E> {
                number.try_into().map(Cell::Integer).map_err(|_| E::custom("too large"))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cell<'de>, E> {
                Ok(Cell::Text(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Cell<'de>, E> {
                Ok(Cell::Text(text.to_owned().into()))
            }
        }

        deserializer.deserialize_any(CellVisitor)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::data::tables::{Kind, column};

    static FILE: LazyLock<File> = LazyLock::new(|| File {
        name: "file",
        about: "",
        columns: vec![column("a", Kind::Text, ""), column("b", Kind::Integer, "")],
    });

    fn csv(lines: &str) -> String {
        let mut out = Vec::new();
        Format::Csv.append(&FILE, lines, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_quoted_and_formulas_are_not_formulas() {
        for (line, want) in [
            (r#"{"a":"plain","b":7}"#, "\"plain\",7\r\n"),
            (r#"{"a":null,"b":null}"#, ",\r\n"),
            (r#"{"a":true,"b":false}"#, "true,false\r\n"),
            (r#"{"a":"","b":-1}"#, "\"\",-1\r\n"),
            (r#"{"a":"x,\"y\"\n\r\n","b":0}"#, "\"x,\"\"y\"\"\n\r\n\",0\r\n"),
            (r#"{"a":"=cmd|' /C calc'!A0","b":0}"#, "\"'=cmd|' /C calc'!A0\",0\r\n"),
            (r#"{"a":"+15145550123","b":0}"#, "\"'+15145550123\",0\r\n"),
            (r#"{"a":"-1","b":0}"#, "\"'-1\",0\r\n"),
            (r#"{"a":"@SUM(A1)","b":0}"#, "\"'@SUM(A1)\",0\r\n"),
            (r#"{"a":"\t=1","b":0}"#, "\"'\t=1\",0\r\n"),
            (r#"{"a":"\r=1","b":0}"#, "\"'\r=1\",0\r\n"),
            (r#"{"a":"＝1","b":0}"#, "\"'＝1\",0\r\n"),
            (r#"{"a":"'quoted'","b":0}"#, "\"''quoted'\",0\r\n"),
            (r#"{"a":"a=b","b":0}"#, "\"a=b\",0\r\n"),
            ("{\"a\":\"\u{202e}é🚲\\u0001\",\"b\":0}", "\"\u{202e}é🚲\u{1}\",0\r\n"),
        ] {
            assert_eq!(csv(line), want, "{line}");
        }
        assert_eq!(Format::Csv.head(&FILE), "\u{feff}a,b\r\n".as_bytes());
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        for line in [
            "",
            "[]",
            r#"{"a":"x"}"#,
            r#"{"b":1,"a":"x"}"#,
            r#"{"a":"x","b":1,"c":2}"#,
            r#"{"a":"x","b":1}{}"#,
            r#"{"a":{},"b":1}"#,
            r#"{"a":"x","b":1.5}"#,
            r#"{"a":"x","b":1"#,
        ] {
            for format in [Format::Json, Format::Csv] {
                let lines = format!("{line}\n");
                assert_eq!(format.append(&FILE, &lines, &mut Vec::new()), Err(RowError), "{line}");
            }
        }
    }

    proptest! {
        /// A reader of CSV that knows nothing of us, and then one apostrophe less.
        #[test]
        fn every_text_survives(texts in prop::collection::vec(any::<String>(), 1..20)) {
            let lines: Vec<_> = texts
                .iter()
                .map(|text| serde_json::json!({ "a": text, "b": 1 }).to_string())
                .collect();
            let lines = lines.join("\n");

            let mut json = Vec::new();
            prop_assert_eq!(Format::Json.append(&FILE, &lines, &mut json), Ok(texts.len() as u64));
            prop_assert_eq!(json, format!("{lines}\n").into_bytes());

            let written = csv(&lines);
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).from_reader(written.as_bytes());
            let records: Vec<_> = reader.records().map(Result::unwrap).collect();
            let read: Vec<_> = records
                .iter()
                .map(|record| record[0].strip_prefix('\'').unwrap_or(&record[0]))
                .collect();
            prop_assert_eq!(read, texts);
        }
    }
}
