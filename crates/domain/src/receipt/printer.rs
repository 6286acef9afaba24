//! A receipt printer for tests: draws the commands that we send on a strip of dots, as Epson's TM printers do (font A of
//! 12 x 24 dots, two-byte characters of 24 x 24, rows of 30 dots). Panics at a command it does not know, so that nothing is
//! sent to a printer that was not looked up. With `TILLBRIDGE_SCREENS` the tests draw what they print into that folder.

use std::fmt::Write;

use encoding_rs::SHIFT_JIS;
use qrcode::{Color, EcLevel, QrCode};

use super::Columns;
use crate::text::escape_html;

/// Dots of a half-width character.
const CELL: (usize, usize) = (12, 24);
/// Dots from one row to the next, unless the characters are higher.
const ROW_DOTS: usize = 30;
/// Dots from the head to the knife, which the paper is fed by before the cut.
const KNIFE_DOTS: usize = 120;

/// What was drawn.
#[derive(Debug, Default)]
pub struct Strip {
    /// Dots from side to side that are printed on.
    pub width: usize,
    /// Dots from the top to the cut.
    pub height: usize,
    /// The characters.
    pub glyphs: Vec<Glyph>,
    /// The dark modules of QR codes.
    pub modules: Vec<Module>,
    /// The rows as text.
    pub text: String,
    /// What the QR codes say.
    pub qr: Vec<String>,
    /// How often the paper was cut.
    pub cuts: usize,
}

/// A character on the strip, in dots from the top left.
#[derive(Debug, Clone, Copy)]
pub struct Glyph {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
    pub is_bold: bool,
    pub c: char,
}

/// A square of a QR code.
#[derive(Debug, Clone, Copy)]
pub struct Module {
    pub x: usize,
    pub y: usize,
    pub side: usize,
}

#[derive(Default)]
struct Head {
    is_bold: bool,
    is_centered: bool,
    /// How many times as wide and as high as usual.
    scale: (usize, usize),
    row: Vec<u8>,
    qr_module: usize,
    qr_content: String,
    /// The next line feed ends the row of a code, which is none of the text.
    is_after_code: bool,
}

/// Draws the bytes on paper of so many columns.
pub fn print(bytes: &[u8], columns: Columns) -> Strip {
    let mut strip = Strip { width: columns.count() * CELL.0, ..Strip::default() };
    let mut head = Head { scale: (1, 1), ..Head::default() };
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (0x1B, [b'@', rest @ ..]) | (0x1C, [b'&', rest @ ..]) => rest,
            (0x1B, [b'R', 8, rest @ ..] | [b't', 1, rest @ ..]) | (0x1C, [b'C', 1, rest @ ..]) => rest,
            (0x1B, [b'E', on @ (0 | 1), rest @ ..]) => {
                head.is_bold = *on == 1;
                rest
            }
            (0x1B, [b'a', place @ (0 | 1), rest @ ..]) => {
                assert!(head.row.is_empty(), "ESC a counts at the beginning of a row only");
                head.is_centered = *place == 1;
                rest
            }
            (0x1D, [b'!', size, rest @ ..]) => {
                head.scale = (usize::from(size >> 4) + 1, usize::from(size & 7) + 1);
                rest
            }
            (0x1D, [b'V', 66, 0, rest @ ..]) => {
                assert!(head.row.is_empty(), "GS V counts at the beginning of a row only");
                strip.height += KNIFE_DOTS;
                strip.cuts += 1;
                rest
            }
            (0x1D, [b'(', b'k', low, high, rest @ ..]) => {
                let (function, rest) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])));
                qr_function(function, &mut head, &mut strip);
                rest
            }
            (b'\n', rest) => {
                end_row(&mut head, &mut strip);
                rest
            }
            (control, _) if *control < 0x20 => panic!("an unknown command: {control:#x} {after:?}"),
            (byte, rest) => {
                head.row.push(*byte);
                rest
            }
        };
    }
    assert!(head.row.is_empty(), "a row that no line feed ends stays in the printer");
    strip
}

fn qr_function(function: &[u8], head: &mut Head, strip: &mut Strip) {
    match function {
        [49, 65, 50, 0] | [49, 69, b'1'] => {}
        [49, 67, dots] => head.qr_module = usize::from(*dots),
        [49, 80, 48, content @ ..] => head.qr_content = String::from_utf8(content.to_vec()).unwrap(),
        [49, 81, 48] => draw_qr(head, strip),
        other => panic!("an unknown function: {other:?}"),
    }
}

/// The printer's own code has as many modules as any other of its version and level.
fn draw_qr(head: &mut Head, strip: &mut Strip) {
    assert!(head.row.is_empty(), "a code is printed at the beginning of a row");
    let code = QrCode::with_error_correction_level(&head.qr_content, EcLevel::M).unwrap();
    let side = head.qr_module;
    let left = if head.is_centered { (strip.width - code.width() * side) / 2 } else { 0 };
    for (place, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (place % code.width() * side + left, place / code.width() * side + strip.height);
            strip.modules.push(Module { x, y, side });
        }
    }
    strip.height += code.width() * side;
    strip.qr.push(head.qr_content.clone());
    head.is_after_code = true;
}

fn end_row(head: &mut Head, strip: &mut Strip) {
    // A printer of Japan draws 5C as the yen sign.
    let (row, _, is_broken) = SHIFT_JIS.decode(&head.row);
    assert!(!is_broken, "{:?}", head.row);
    let row = row.replace('\\', "¥");
    let height = CELL.1 * head.scale.1;
    let mut x = 0;
    for c in row.chars() {
        // The yen sign is one byte of the printer's, and two of Shift_JIS.
        let cells = if c == '¥' { 1 } else { SHIFT_JIS.encode(c.encode_utf8(&mut [0; 4])).0.len() };
        let width = cells * CELL.0 * head.scale.0;
        strip.glyphs.push(Glyph { x, y: strip.height, width, height, is_bold: head.is_bold, c });
        x += width;
    }
    assert!(x <= strip.width, "the printer breaks a row of {x} dots: {row}");
    if !std::mem::take(&mut head.is_after_code) {
        strip.text.push_str(&row);
        strip.text.push('\n');
    }
    strip.height += height.max(ROW_DOTS);
    head.row.clear();
}

impl Strip {
    /// The strip as a drawing, with a margin of paper around it.
    pub fn svg(&self) -> String {
        const MARGIN: usize = 32;
        let (width, height) = (self.width + 2 * MARGIN, self.height + 2 * MARGIN);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"-{MARGIN} -{MARGIN} {width} {height}\">\n\
             <style>text {{ font: 23px 'Noto Sans Mono CJK JP', monospace; fill: #111 }} .b {{ font-weight: 700 }}</style>\n\
             <rect x=\"-{MARGIN}\" y=\"-{MARGIN}\" width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
        );
        for Glyph { x, y, width, height, is_bold, c } in self.glyphs.iter().filter(|glyph| !glyph.c.is_whitespace()) {
            let (class, stretch, c) =
                (if *is_bold { " class=\"b\"" } else { "" }, height / CELL.1, escape_html(&c.to_string()));
            writeln!(
                svg,
                "<text{class} transform=\"translate({x} {y}) scale(1 {stretch})\" y=\"20\" textLength=\"{width}\" \
                 lengthAdjust=\"spacingAndGlyphs\">{c}</text>"
            )
            .unwrap();
        }
        for Module { x, y, side } in &self.modules {
            writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\"/>").unwrap();
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Writes a drawing or a page for people to look at, where somebody wants one.
pub fn show(name: &str, content: &str) {
    if let Some(folder) = std::env::var_os("TILLBRIDGE_SCREENS") {
        std::fs::write(std::path::Path::new(&folder).join(name), content).unwrap();
    }
}
