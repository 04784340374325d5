//! Text by hand: a simulated line is made in less time than `format!` takes for one number.

/// More bytes than the longest valid line has.
pub(super) const ROOM: usize = 224;

/// A line in the making.
pub(super) struct Line<'a> {
    pub(super) bytes: &'a mut [u8; ROOM],
    pub(super) length: usize,
}

impl Line<'_> {
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, text: &[u8; N]) {
        self.put_some(text, N);
    }

    /// Puts the first `length` bytes of `text`, by copying all of it.
    #[inline(always)]
    pub(super) fn put_some<const N: usize>(&mut self, text: &[u8; N], length: usize) {
        self.bytes[self.length..self.length + N].copy_from_slice(text);
        self.length += length;
    }

    /// Puts a number below 10⁸ without leading zeros: all eight digits at once, then the zeros shifted out.
    #[inline]
    pub(super) fn put_number(&mut self, number: u32) {
        // Two numbers of four digits, four of two, eight of one; the first in the lowest byte.
        let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
        let hundreds = ((fours * 5_243) >> 19) & 0x0000_007f_0000_007f;
        let twos = hundreds | (fours - hundreds * 100) << 16;
        let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
        let ones = tens | (twos - tens * 10) << 8;
        let zeros = (ones.trailing_zeros() / 8).min(7);
        let text = (ones >> (8 * zeros)) + 0x3030_3030_3030_3030;
        self.put_some(&text.to_le_bytes(), 8 - zeros as usize);
    }
}

/// Sixteen hexadecimal digits.
pub(super) fn hex(number: u64) -> [u8; 16] {
    let mut text = [0; 16];
    text[..8].copy_from_slice(&hex8((number >> 32) as u32));
    text[8..].copy_from_slice(&hex8(number as u32));
    text
}

/// Eight hexadecimal digits at once: one nibble to a byte, then each byte to its character.
pub(super) fn hex8(number: u32) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut nibbles = u64::from(number);
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = (nibbles + 6 * ONES) >> 4 & ONES;
    (nibbles + u64::from(b'0') * ONES + letters * u64::from(b'a' - b'9' - 1)).to_be_bytes()
}
