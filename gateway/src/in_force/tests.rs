//! Reading, writing and keeping policy files.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tempfile::TempDir;

use super::*;
use crate::home::Home;

fn policy(files: &[(&str, &str)]) -> PolicyFiles {
    let file = |(name, text): &(&str, &str)| PolicyFile { name: (*name).to_owned(), text: (*text).to_owned() };
    PolicyFiles { shape: Shape::Folder, files: files.iter().map(file).collect() }
}

fn single(text: &str) -> PolicyFiles {
    let files = vec![PolicyFile { name: "policy.toml".to_owned(), text: text.to_owned() }];
    PolicyFiles { shape: Shape::File, files }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_folder_is_read_in_the_order_of_names_and_without_what_is_no_policy() {
    let folder = folder(&[("b.toml", "2"), ("a.toml", "1"), (".a.toml.swp", "x"), (".c.toml", "x"), ("notes.md", "x")]);
    fs::create_dir(folder.path().join("d.toml")).unwrap();
    assert_eq!(read(folder.path()).unwrap(), policy(&[("a.toml", "1"), ("b.toml", "2")]));
}

#[test]
fn a_link_that_leads_nowhere_is_told_and_not_left_out() {
    let folder = folder(&[("a.toml", "1")]);
    symlink("gone", folder.path().join("b.toml")).unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("b.toml"), "{error}");
}

#[test]
fn what_is_read_is_never_half_of_one_policy_and_half_of_another() {
    let folder = tempfile::tempdir().unwrap();
    for version in ["1", "2"] {
        let data = folder.path().join(format!("..{version}"));
        fs::create_dir(&data).unwrap();
        for name in ["a.toml", "b.toml", "c.toml"] {
            fs::write(data.join(name), version).unwrap();
        }
    }
    symlink("..1", folder.path().join("..data")).unwrap();
    for name in ["a.toml", "b.toml", "c.toml"] {
        symlink(format!("..data/{name}"), folder.path().join(name)).unwrap();
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let next = folder.path().join("..next");
                symlink(if round % 2 == 0 { "..2" } else { "..1" }, &next).unwrap();
                fs::rename(&next, folder.path().join("..data")).unwrap();
                // Else it might never be read at all.
                std::thread::park_timeout(Duration::from_micros(500));
            }
        });
        let mut whole = [0, 0];
        while whole.iter().any(|times| *times < 100) {
            match read(folder.path()) {
                Ok(found) => {
                    let texts: Vec<_> = found.files.iter().map(|file| file.text.as_str()).collect();
                    match texts[..] {
                        ["1", "1", "1"] => whole[0] += 1,
                        ["2", "2", "2"] => whole[1] += 1,
                        _ => panic!("{texts:?}"),
                    }
                }
                Err(ReadError::Restless(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_file_is_replaced_with_the_mode_it_had_and_nothing_is_left_beside_it() {
    let folder = folder(&[("policy.toml", "old")]);
    let path = folder.path().join("policy.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    write(&path, &single("new")).unwrap();
    assert_eq!(read(&path).unwrap(), single("new"));
    assert_eq!((mode(&path), names(folder.path())), (0o640, vec!["policy.toml".to_owned()]));
}

#[test]
fn a_link_stays_one_and_what_it_leads_to_is_replaced() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), folder(&[("real.toml", "old")]));
    let path = folder.path().join("policy.toml");
    symlink(elsewhere.path().join("real.toml"), &path).unwrap();
    write(&path, &single("new")).unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(elsewhere.path().join("real.toml")).unwrap(), "new");
}

#[test]
fn a_folder_gets_the_files_of_the_new_policy_and_keeps_what_is_none() {
    let folder = folder(&[("a.toml", "1"), ("b.toml", "2"), ("notes.md", "n"), (".hidden.toml", "h")]);
    let new = policy(&[("b.toml", "two"), ("c.toml", "3")]);
    write(folder.path(), &new).unwrap();
    assert_eq!(read(folder.path()).unwrap(), new);
    assert_eq!(names(folder.path()), [".hidden.toml", "b.toml", "c.toml", "notes.md"]);
}

#[test]
fn a_file_is_no_folder() {
    let folder = folder(&[("a.toml", "1")]);
    let error = write(folder.path(), &single("2")).unwrap_err().to_string();
    assert!(error.contains("is a folder of files, and the new policy is one file"), "{error}");
    let error = write(&folder.path().join("a.toml"), &policy(&[("a.toml", "2")])).unwrap_err().to_string();
    assert!(error.contains("is one file, and the new policy is a folder of files"), "{error}");
    assert_eq!(read(folder.path()).unwrap(), policy(&[("a.toml", "1")]));
}

#[test]
fn what_kubernetes_mounts_is_left_alone_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("..1")).unwrap();
    fs::write(folder.path().join("..1/policy.toml"), "old").unwrap();
    symlink("..1", folder.path().join("..data")).unwrap();
    symlink("..data/policy.toml", folder.path().join("policy.toml")).unwrap();
    let (file, whole) = (folder.path().join("policy.toml"), folder.path());
    for error in [write(&file, &single("new")), write(whole, &policy(&[("policy.toml", "new")]))] {
        let error = error.unwrap_err().to_string();
        assert!(error.contains("ConfigMap") && error.contains("kubectl"), "{error}");
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "old");
}

#[test]
fn a_copy_goes_into_an_empty_folder_only() {
    let parent = tempfile::tempdir().unwrap();
    let (to, files) = (parent.path().join("made"), policy(&[("a.toml", "1"), ("b.toml", "2")]));
    copy_to(&to, &files).unwrap();
    assert_eq!(read(&to).unwrap(), files);
    assert!(matches!(copy_to(&to, &files), Err(WriteError::Occupied(_))));
}

/// A state folder, and the history in it.
fn history() -> (TempDir, Home, History) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path()).unwrap();
    (folder, home.clone(), History::of(home))
}

fn kept(history: &History) -> Vec<(u64, String, Why)> {
    let text = |entry: Entry| (entry.past.number, entry.files.files[0].text.clone(), entry.past.why);
    history.read().unwrap().entries.into_iter().map(text).collect()
}

#[test]
fn the_last_twenty_policies_are_kept_for_their_owner_alone() {
    let (_folder, home, history) = history();
    assert_eq!(kept(&history), []);
    for number in 1..=25 {
        history.add(&single(&number.to_string()), Moment::now(), Why::Change).unwrap();
    }
    let numbers: Vec<_> = kept(&history).into_iter().map(|(number, text, _)| (number, text)).collect();
    assert_eq!(numbers, (6..=25).rev().map(|number| (number, number.to_string())).collect::<Vec<_>>());
    let dir = home.policies_dir();
    assert_eq!((mode(&dir), names(&dir).len()), (0o700, KEPT));
    assert!(names(&dir).iter().all(|name| mode(&dir.join(name)) == 0o600));
}

#[test]
fn a_policy_that_stays_in_force_over_a_restart_is_kept_once_and_one_that_returns_twice() {
    let (_folder, _home, history) = history();
    for (text, why) in [("a", Why::Start), ("a", Why::Start), ("b", Why::Apply), ("a", Why::Rollback)] {
        history.add(&single(text), Moment::now(), why).unwrap();
    }
    let expected = [(3, "a".to_owned(), Why::Rollback), (2, "b".to_owned(), Why::Apply), (1, "a".to_owned(), Why::Start)];
    assert_eq!(kept(&history), expected);
}

#[test]
fn damaged_entries_are_told_and_skipped() {
    let (_folder, home, history) = history();
    for text in ["a", "b", "c", "d", "e", "f"] {
        history.add(&single(text), Moment::now(), Why::Change).unwrap();
    }
    let file = |number: u64| home.policies_dir().join(format!("{number:06}.json"));
    let whole = |number| fs::read_to_string(file(number)).unwrap();
    fs::write(file(1), "{").unwrap();
    fs::write(file(2), whole(2).replace("\"text\": \"b\"", "\"text\": \"B\"")).unwrap();
    fs::write(file(3), whole(3).replace("policy.toml", "../policy.toml")).unwrap();
    fs::write(file(4), whole(4).replace("\"version\": 1", "\"version\": 2")).unwrap();
    fs::set_permissions(file(5), fs::Permissions::from_mode(0o644)).unwrap();
    let found = history.read().unwrap();
    assert_eq!(found.entries.iter().map(|entry| entry.past.number).collect::<Vec<_>>(), [6]);
    let mut damaged = found.damaged;
    damaged.sort_unstable_by(|one, other| one.file.cmp(&other.file));
    let problems: Vec<_> = damaged.iter().map(|damaged| (damaged.file.clone(), damaged.problem.as_str())).collect();
    for (place, words) in [
        (0, "it is not an entry"),
        (1, "its texts are not those of its hash"),
        (2, "`../policy.toml` is not the name of a policy file"),
        (3, "it is of version 2; known is 1"),
        (4, "can be read by others"),
    ] {
        assert_eq!(problems[place].0, file(place as u64 + 1));
        assert!(problems[place].1.contains(words), "{}", problems[place].1);
    }
    // They are pruned like others, and their numbers are not given again.
    assert_eq!(history.add(&single("g"), Moment::now(), Why::Change).unwrap().entries[0].past.number, 7);
}

#[test]
fn what_a_command_says_of_a_policy_counts_once_and_for_that_policy_only() {
    let (_folder, _home, history) = history();
    let (a, b) = (single("a").hash(), single("b").hash());
    assert_eq!(history.intended(&a.to_string()).unwrap(), Why::Change);
    history.intend(a, Why::Apply).unwrap();
    assert_eq!(history.intended(&b.to_string()).unwrap(), Why::Change);
    assert_eq!(history.intended(&a.to_string()).unwrap(), Why::Change);
    history.intend(a, Why::Apply).unwrap();
    assert_eq!(history.intended(&a.to_string()).unwrap(), Why::Apply);
}
