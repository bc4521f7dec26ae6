//! The committed corpora, and a walk through pseudo-random inputs, without libFuzzer.

use std::fs;
use std::path::{Path, PathBuf};

use fuzz_cases::{CASES, Case};

fn case(name: &str) -> Case {
    let (_, case) = CASES
        .into_iter()
        .find(|(known, _)| *known == name)
        .expect("a case");
    case
}

/// Inputs of the corpus, and those that once broke something.
fn replay(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let corpus = files(&root.join("corpus").join(name));
    assert!(corpus.len() >= 5, "{} files in the corpus", corpus.len());
    for file in corpus
        .into_iter()
        .chain(files(&root.join("regressions").join(name)))
    {
        // Shown if the case panics.
        println!("{}", file.display());
        case(name)(&fs::read(&file).expect("a file"));
    }
}

/// The files of a folder, in order; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

/// Inputs that nobody chose, of growing length.
fn walk(name: &str) {
    for seed in 0..800_u64 {
        let mut state = seed;
        let data: Vec<u8> = (0..seed / 2)
            .map(|_| {
                // SplitMix64.
                state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                mixed.to_be_bytes()[0]
            })
            .collect();
        println!("seed {seed}");
        case(name)(&data);
    }
}

macro_rules! cases {
    ($($name:ident)*) => {$(
        mod $name {
            #[test]
            fn replay() {
                super::replay(stringify!($name));
            }

            #[test]
            fn walk() {
                super::walk(stringify!($name));
            }
        }
    )*

        /// No case is left out above.
        #[test]
        fn all_cases_are_replayed() {
            let names = [$(stringify!($name)),*];
            assert_eq!(names, CASES.map(|(name, _)| name));
        }
    };
}

cases! { connection_ops connection_pair decoder decoder_vs_peek driver_io handshake message_decode router_messages }
