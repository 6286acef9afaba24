//! A receipt as bytes for a receipt printer that speaks ESC/POS with Japanese characters: Epson's commands, which most
//! others take too. Rows are Shift_JIS; the QR code is drawn by the printer itself.

use encoding_rs::SHIFT_JIS;

use super::Receipt;
use super::layout::{Row, Size, rows};
use super::paper::{Columns, Glyphs};
use crate::locale::Locale;

const ESC: u8 = 0x1B;
const GS: u8 = 0x1D;
const FS: u8 = 0x1C;
const LINE_FEED: u8 = b'\n';

/// ESC @: whatever was printed before leaves nothing behind. ESC R 8: Japan's characters, so that 5C is the yen sign. ESC t 1:
/// half-width katakana. FS C 1: two-byte characters are Shift_JIS. FS &: they are printed.
const START: [u8; 13] = [ESC, b'@', ESC, b'R', 8, ESC, b't', 1, FS, b'C', 1, FS, b'&'];

/// GS V 66 0: feeds the paper to the knife, then cuts it but for one point.
const CUT: [u8; 4] = [GS, b'V', 66, 0];

/// ESC p 0 25 250: a pulse of 50 milliseconds on the first line of the drawer, and half a second of rest.
pub const DRAWER_PULSE: [u8; 5] = [ESC, b'p', 0, 25, 250];

/// Dots a side of a module, at eight dots a millimetre: the 29 modules of a sale's id are 22 mm, which any telephone reads,
/// and with their margin they fit on the narrowest paper.
const QR_MODULE_DOTS: u8 = 6;
/// Level M: the code is read with a seventh of it spoiled.
const QR_CORRECTION: u8 = b'1';

/// The receipt as bytes for the printer. The drawer stays shut: opening it is a command of its own.
pub fn escpos(receipt: &Receipt, locale: Locale, columns: Columns) -> Vec<u8> {
    let mut bytes = START.to_vec();
    for row in rows(receipt, locale, columns, Glyphs::ShiftJis) {
        match row {
            Row::Text(size, row) => {
                bytes.extend(draw_as(size));
                // Every character of a row has its place in Shift_JIS: those without one were replaced.
                bytes.extend_from_slice(&SHIFT_JIS.encode(row.trim_end()).0);
                bytes.push(LINE_FEED);
            }
            Row::Qr(content) => bytes.extend(qr(&content)),
        }
    }
    bytes.extend(CUT);
    bytes
}

/// ESC E: bold or not. GS !: how high; both hold for one-byte and two-byte characters.
const fn draw_as(size: Size) -> [u8; 6] {
    let (bold, height) = match size {
        Size::Plain => (0, 0x00),
        Size::Bold => (1, 0x00),
        Size::Tall => (1, 0x01),
    };
    [ESC, b'E', bold, GS, b'!', height]
}

/// GS ( k: model 2, size, correction, the content, and now draw it; in the middle of the paper.
fn qr(content: &str) -> Vec<u8> {
    let mut bytes = vec![ESC, b'a', 1];
    bytes.extend(qr_function(&[65, 50, 0]));
    bytes.extend(qr_function(&[67, QR_MODULE_DOTS]));
    bytes.extend(qr_function(&[69, QR_CORRECTION]));
    bytes.extend(qr_function(&[&[80, 48], content.as_bytes()].concat()));
    bytes.extend(qr_function(&[81, 48]));
    bytes.extend([LINE_FEED, ESC, b'a', 0]);
    bytes
}

/// GS ( k pL pH cn fn …: the length counts cn, which is 49 for QR codes, and what follows. The content is an id, far below
/// the 65,535 that fit.
fn qr_function(function: &[u8]) -> Vec<u8> {
    let length = u16::try_from(function.len()).unwrap_or(u16::MAX).saturating_add(1);
    let [low, high] = length.to_le_bytes();
    [&[GS, b'(', b'k', low, high, 49], function].concat()
}
