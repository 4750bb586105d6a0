//! Any bytes as an archive: what is not refused leads nowhere else and keeps to the limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;
use std::path::Component;
use war_copy::MAX_DEPTH;
use war_copy::archive::{Archive, Inflater, Kind, Limits};

const LIMITS: Limits = Limits { max_size: 1 << 20, max_ratio: 100 };

fuzz_target!(|bytes: &[u8]| {
    let Ok(archive) = Archive::new(bytes, bytes.len() as u64, LIMITS) else { return };
    assert!(archive.bytes <= LIMITS.max_size);
    let (mut inflater, mut files, mut paths) = (Inflater::default(), 0, HashSet::new());
    let all = archive.each(|item| {
        let path = &item.path;
        assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
        assert!(path.components().count() <= MAX_DEPTH, "{path:?}");
        assert!(path.as_os_str().is_empty() || archive.contains(path), "{path:?}");
        match item.kind {
            Kind::Directory(mode) => assert!(mode <= 0o777),
            Kind::File(file) => {
                assert!(file.mode <= 0o777);
                files += 1;
                assert!(paths.insert(path.to_str().map_or(format!("{path:?}"), str::to_lowercase)), "{path:?} twice");
                let mut got = 0;
                let read = archive.read(&file, &mut inflater, |piece| {
                    got += piece.len() as u64;
                    assert!(got <= file.size, "{path:?}");
                    Ok(())
                });
                assert!(read.is_err() || got == file.size, "{path:?}");
            }
        }
        Ok(())
    });
    all.expect("what was sound stays so");
    assert_eq!(files, archive.files);
});
