//! Where a record ends: at the next line feed, or for CSV at the next one that is not between quotes.

/// Finds the ends of records, piece by piece.
#[derive(Clone, Debug, Default)]
pub(crate) enum Framing {
    /// A record is a line.
    #[default]
    Lines,
    /// A record is a line of fields, which may hold line feeds between quotes.
    Csv { delimiter: u8, quote: u8, at: Place },
}

/// Where in a CSV record the search stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// At the first byte of a field: the only place where a quote opens.
    FieldStart,
    /// In a field without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote between quotes: the closing one, or the first of a double one.
    AfterQuote,
}

impl Framing {
    pub(crate) fn csv(delimiter: u8, quote: u8) -> Self {
        Framing::Csv { delimiter, quote, at: Place::FieldStart }
    }

    /// The place of the line feed that ends the record which goes on in `bytes`. If it is not there, the search goes on
    /// in the bytes that follow.
    #[inline]
    pub(crate) fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            Framing::Lines => memchr::memchr(b'\n', bytes),
            Framing::Csv { delimiter, quote, at } => {
                let end = find_csv_end(bytes, *delimiter, *quote, at);
                if end.is_some() {
                    *at = Place::FieldStart;
                }
                end
            }
        }
    }
}

fn find_csv_end(bytes: &[u8], delimiter: u8, quote: u8, at: &mut Place) -> Option<usize> {
    let mut i = 0;
    while i < bytes.len() {
        *at = match *at {
            Place::FieldStart if bytes[i] == quote => Place::Quoted,
            Place::Quoted => {
                i += memchr::memchr(quote, &bytes[i..])?;
                Place::AfterQuote
            }
            Place::AfterQuote if bytes[i] == quote => Place::Quoted,
            Place::FieldStart | Place::Plain | Place::AfterQuote => match bytes[i] {
                b'\n' => return Some(i),
                byte if byte == delimiter => Place::FieldStart,
                _ => {
                    *at = Place::Plain;
                    i += memchr::memchr2(delimiter, b'\n', &bytes[i..])?;
                    continue; // to look at what was found
                }
            },
        };
        i += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(text: &str, piece: usize) -> Vec<usize> {
        let mut framing = Framing::csv(b',', b'"');
        let (mut ends, mut base) = (vec![], 0);
        for chunk in text.as_bytes().chunks(piece) {
            let mut from = 0;
            while let Some(end) = framing.find_end(&chunk[from..]) {
                ends.push(base + from + end);
                from += end + 1;
            }
            base += chunk.len();
        }
        ends
    }

    #[test]
    fn line_feeds_between_quotes_end_no_record() {
        for (text, expected) in [
            ("a,b\nc,d\n", vec![3, 7]),
            ("\"a\nb\",c\nd\n", vec![7, 9]),
            ("a,\"say \"\"hi\n\"\"\"\nb\n", vec![15, 17]),
            ("5\" pipe,\"x\ny\"\nb", vec![13]), // a quote within a field opens nothing
            ("\n\n", vec![0, 1]),
            (",\"\"\n", vec![3]),
        ] {
            for piece in 1..text.len() + 1 {
                assert_eq!(ends(text, piece), expected, "{text:?} in pieces of {piece}");
            }
        }
    }
}
