use proptest::prelude::*;

use super::*;

fn block(letter: u8, name: &[u8], size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_mode(0o4755);
    header.set_uid(7);
    header.set_gid(8);
    header.set_mtime(9);
    header.set_size(size);
    header.set_entry_type(tar::EntryType::new(letter));
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn member(letter: u8, name: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = block(letter, name, data.len() as u64);
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (1..20_usize)
        .find(|n| (rest + n).to_string().len() == *n)
        .unwrap()
        + rest;
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

type Found = Vec<(Entry, Vec<u8>)>;

/// All entries with their data, and the end.
fn read(bytes: &[u8]) -> Result<Found, TarError> {
    let mut entries = Entries::new(bytes);
    let mut found = Vec::new();
    while let Some(entry) = entries.next()? {
        let mut data = Vec::new();
        let mut buffer = [0; 700];
        loop {
            let read = entries.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            data.extend(&buffer[..read]);
            assert!(data.len() < 10 << 20, "the tests have no file like this");
        }
        found.push((entry, data));
    }
    entries.finish()?;
    Ok(found)
}

fn end() -> Vec<u8> {
    vec![0; 1024]
}

#[test]
fn values_may_have_line_feeds_and_names_may_be_long() {
    let long = [b'x'; 300];
    let records = [
        record("SCHILY.xattr.user.a%3Db", b"1\n2=\n"),
        record("path", b"new\nline"),
        record("mtime", b"-5.25"),
        record("uid", b"3000000000"),
    ];
    let bytes = [
        member(b'x', b"x", &records.concat()),
        member(b'0', b"short", b"data"),
        member(b'L', b"L", &[&long[..], b"\0"].concat()),
        member(b'0', b"short", &[1; 513]),
        end(),
    ];
    let found = read(&bytes.concat()).unwrap();
    let (first, data) = &found[0];
    assert_eq!(
        (first.path.as_slice(), data.as_slice()),
        (&b"new\nline"[..], &b"data"[..])
    );
    assert_eq!((first.mtime, first.uid), (-5, 3_000_000_000));
    assert_eq!(first.xattrs, [("user.a=b".to_owned(), b"1\n2=\n".to_vec())]);
    assert_eq!(found[1].0.path, long);
    assert_eq!(found[1].1, [1; 513]);
}

#[test]
fn sparse_files_have_their_holes() {
    let wanted = [&[0; 512][..], b"abc", &[0; 509], b"xyz", &[0; 7]].concat();
    let map = b"2\n512\n3\n1024\n3\n";
    let mut stored = map.to_vec();
    stored.resize(512, 0);
    stored.extend(b"abcxyz");
    let total = wanted.len().to_string();
    let newest = [
        record("GNU.sparse.major", b"1"),
        record("GNU.sparse.minor", b"0"),
        record("GNU.sparse.name", b"name"),
        record("GNU.sparse.realsize", total.as_bytes()),
    ];
    let middle = [
        record("GNU.sparse.size", total.as_bytes()),
        record("GNU.sparse.map", b"512,3,1024,3"),
    ];
    let oldest = [
        record("GNU.sparse.size", total.as_bytes()),
        record("GNU.sparse.offset", b"512"),
        record("GNU.sparse.numbytes", b"3"),
        record("GNU.sparse.offset", b"1024"),
        record("GNU.sparse.numbytes", b"3"),
    ];
    for (records, data) in [
        (newest.concat(), stored.as_slice()),
        (middle.concat(), b"abcxyz"),
        (oldest.concat(), b"abcxyz"),
    ] {
        let bytes = [
            member(b'x', b"x", &records),
            member(b'0', b"name", data),
            end(),
        ]
        .concat();
        let found = read(&bytes).unwrap();
        assert_eq!(found[0].0.path, b"name");
        assert_eq!(found[0].0.size, wanted.len() as u64);
        assert!(found[0].1 == wanted);
    }
}

#[test]
fn maps_that_lie_are_refused() {
    for map in ["512,3,100,3", "0,7", "0,18446744073709551615", "1"] {
        let records = [
            record("GNU.sparse.size", b"600"),
            record("GNU.sparse.map", map.as_bytes()),
        ];
        let bytes = [
            member(b'x', b"x", &records.concat()),
            member(b'0', b"n", b"abcdef"),
            end(),
        ];
        let error = read(&bytes.concat()).unwrap_err();
        assert!(matches!(error, TarError::Damaged { .. }), "{map}: {error}");
    }
}

#[test]
fn headers_are_bounded() {
    let huge = [block(b'x', b"x", 1 << 40), vec![0; 4096]].concat();
    assert!(matches!(read(&huge), Err(TarError::Damaged { .. })));
    let most = [block(b'L', b"L", u64::MAX >> 1), end()].concat();
    assert!(matches!(read(&most), Err(TarError::Damaged { .. })));
    // Many small ones are bounded too.
    let many = member(b'g', b"g", b"").repeat(5000);
    assert!(matches!(read(&many), Err(TarError::Damaged { .. })));
    let two = [member(b'L', b"L", b"a"), member(b'L', b"L", b"b"), end()].concat();
    assert!(matches!(read(&two), Err(TarError::Damaged { .. })));
}

#[test]
fn a_cut_is_an_error_wherever_it_is() {
    let whole = [
        member(b'x', b"x", &record("path", b"other")),
        member(b'0', b"a", &[1; 1500]),
        member(b'5', b"dir/", b""),
        vec![0; 512],
    ]
    .concat();
    read(&whole).unwrap();
    for length in 0..whole.len() {
        let cut = read(&whole[..length]).unwrap_err();
        assert!(matches!(cut, TarError::Cut { .. }), "{length}: {cut}");
    }
}

#[test]
fn what_old_tars_have_is_understood() {
    // Before there was a letter for directories; a size on a directory; fields that are blank.
    let mut blank = block(0, b"blank", 0);
    blank[108..124].fill(b' ');
    let mut copy = tar::Header::new_old();
    copy.as_mut_bytes().copy_from_slice(&blank);
    copy.set_cksum();
    let bytes = [
        block(0, b"old/", 0),
        block(b'5', b"sized", 4096),
        copy.as_bytes().to_vec(),
        end(),
    ];
    let found = read(&bytes.concat()).unwrap();
    let kinds: Vec<_> = found.iter().map(|(entry, _)| entry.kind).collect();
    assert_eq!(kinds, [Kind::Folder, Kind::Folder, Kind::File]);
    assert_eq!((found[2].0.uid, found[2].0.gid), (0, 0));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        drop(read(&bytes));
    }

    #[test]
    fn no_flipped_bits_panic(flips in proptest::collection::vec((0_usize..4608, 0_u8..8), 1..6)) {
        let records = [
            record("GNU.sparse.major", b"1"),
            record("GNU.sparse.realsize", b"600"),
            record("SCHILY.acl.access", b"user::rw-,user:5:r--,other::---"),
        ];
        let mut stored = b"1\n512\n3\n".to_vec();
        stored.resize(512, 0);
        stored.extend(b"abc");
        let mut bytes = [
            member(b'x', b"x", &records.concat()),
            member(b'0', b"sparse", &stored),
            member(b'L', b"L", &[b'y'; 200]),
            member(b'0', b"y", b"data"),
            end(),
        ].concat();
        for (at, bit) in flips {
            bytes[at] ^= 1 << bit;
        }
        // Checksums of headers would stop most flips: make them right again.
        for at in [0, 1024, 2560, 3584] {
            let mut header = tar::Header::new_old();
            header.as_mut_bytes().copy_from_slice(&bytes[at..at + 512]);
            header.set_cksum();
            bytes[at..at + 512].copy_from_slice(header.as_bytes());
        }
        drop(read(&bytes));
    }
}
