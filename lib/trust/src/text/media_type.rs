//! What a file is, by its bytes.
//!
//! What its sender says it is decides nothing: a page or a drawing with a script
//! in it would come as a picture. What is none of the types here is refused.

/// The content type of `bytes`, if it is one that we keep.
pub fn detect(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("application/pdf"),
        // ISO base media: a length, "ftyp", and the brand (ISO/IEC 14496-12, 4.3).
        [_, _, _, _, b'f', b't', b'y', b'p', a, b, c, d, ..] => of_brand(&[*a, *b, *c, *d]),
        _ => is_vcard(bytes).then_some("text/vcard"),
    }
}

/// The brands phones write; <https://mp4ra.org/registered-types/brands> has all.
fn of_brand(brand: &[u8; 4]) -> Option<&'static str> {
    match brand {
        b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" => Some("image/heic"),
        b"isom" | b"iso2" | b"iso4" | b"iso5" | b"iso6" | b"mp41" | b"mp42" | b"avc1" | b"M4V "
        | b"MSNV" => Some("video/mp4"),
        [b'3', b'g', b'p' | b'2', _] => Some("video/3gpp"),
        _ => None,
    }
}

/// A contact (RFC 6350): text from its first line to its last.
fn is_vcard(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut lines = text.trim().lines();
    let is = |line: Option<&str>, want: &str| {
        line.is_some_and(|line| line.trim_end().eq_ignore_ascii_case(want))
    };
    is(lines.next(), "BEGIN:VCARD") && is(lines.next_back(), "END:VCARD")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_tell_what_a_file_is() {
        for (bytes, want) in [
            (&b"\xff\xd8\xff\xe0\0\x10JFIF"[..], Some("image/jpeg")),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some("image/png")),
            (b"GIF89a\x01\0\x01\0", Some("image/gif")),
            (b"GIF87a", Some("image/gif")),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"%PDF-1.7\n", Some("application/pdf")),
            (b"\0\0\0\x18ftypheic\0\0\0\0", Some("image/heic")),
            (b"\0\0\0\x18ftypmif1", Some("image/heic")),
            (b"\0\0\0\x20ftypisom", Some("video/mp4")),
            (b"\0\0\0\x20ftypmp42", Some("video/mp4")),
            (b"\0\0\0\x14ftyp3gp5", Some("video/3gpp")),
            (b"\0\0\0\x14ftyp3g2a", Some("video/3gpp")),
            (b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Al\r\nEND:VCARD\r\n", Some("text/vcard")),
            (b"\xef\xbb\xbfbegin:vcard\nend:vcard", Some("text/vcard")),
            (b"", None),
            (b"\xff\xd8", None),
            (b"\0\0\0\x20ftypqt  ", None),
            (b"\0\0\0\x20ftypavif", None),
            (b"\0\0\0\x20ftyp", None),
            (b"RIFF\x24\0\0\0WAVEfmt ", None),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", None),
            (b"<?xml version=\"1.0\"?><svg/>", None),
            (b"<!doctype html><script>", None),
            (b" %PDF-1.7", None),
            (b"BEGIN:VCARD\n<script>", None),
            (b"BEGIN:VCARD\n\xff\nEND:VCARD", None),
            (b"PK\x03\x04", None),
            (b"MZ\x90\0", None),
            (b"hello", None),
        ] {
            assert_eq!(detect(bytes), want, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
