//! Text of strangers, fit for a terminal.

use std::borrow::Cow;

/// The text with everything escaped that a terminal would act on, or that hides or reorders what is around it. Line
/// feeds and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| if is_unprintable(c) { escaped(c) } else { c.to_string() });
    Cow::Owned(shown.collect())
}

/// The same in one line.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    match printable(text) {
        line if line.contains(['\n', '\t']) => Cow::Owned(line.replace('\n', "\\n").replace('\t', "\\t")),
        line => line,
    }
}

/// Whether a character is anything but something to see, a blank, a tab or a line feed.
pub fn is_unprintable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t')) || is_invisible(c)
}

/// Characters that reorder or hide the text around them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn escaped(c: char) -> String {
    c.escape_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_sees_no_commands() {
        assert_eq!(printable("größe\tund\n"), "größe\tund\n");
        assert_eq!(printable("\x1b[31m\r\u{9b}\u{202e}"), r"\u{1b}[31m\r\u{9b}\u{202e}");
        assert_eq!(printable_line("a\tb\nc"), r"a\tb\nc");
    }
}
