//! Programs of a few instructions, which need no compiler and no library.

/// What `argv[0]` is loaded at.
const BASE: u32 = 0x0040_0000;

/// Offset of the code behind the headers, the same for both classes.
const CODE: u32 = 0x100;

/// A static program for i386 out of its instructions.
pub fn i386(code: &[u8]) -> Vec<u8> {
    let size = CODE + u32::try_from(code.len()).unwrap_or(0);
    let mut file = ident(1);
    file.extend(words(&[2, 3]));
    for word in [1, BASE + CODE, 52, 0, 0] {
        file.extend(u32::to_le_bytes(word));
    }
    file.extend(words(&[52, 32, 1, 0, 0, 0]));
    for word in [1, 0, BASE, BASE, size, size, 5, 0x1000] {
        file.extend(u32::to_le_bytes(word));
    }
    finish(file, code)
}

/// A static program for `x86_64` out of its instructions.
pub fn x86_64(code: &[u8]) -> Vec<u8> {
    let size = u64::from(CODE) + code.len() as u64;
    let base = u64::from(BASE);
    let mut file = ident(2);
    file.extend(words(&[2, 62]));
    file.extend(1_u32.to_le_bytes());
    for word in [base + u64::from(CODE), 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    file.extend(words(&[64, 56, 1, 0, 0, 0]));
    file.extend(1_u32.to_le_bytes());
    file.extend(5_u32.to_le_bytes());
    for word in [0, base, base, size, size, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    finish(file, code)
}

/// The beginning of a file of class 1 (32 bits) or 2. *Source*: elf(5).
fn ident(class: u8) -> Vec<u8> {
    let mut ident = vec![0x7f, b'E', b'L', b'F', class, 1, 1];
    ident.resize(16, 0);
    ident
}

fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn finish(mut file: Vec<u8>, code: &[u8]) -> Vec<u8> {
    file.resize(CODE as usize, 0);
    file.extend(code);
    file
}
