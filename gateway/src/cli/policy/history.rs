//! `tradewind policy history` and `tradewind policy show`: what was in force.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tradewind_policies::HashPrefix;

use super::{error::OperateError, place::PlaceArgs};
use crate::home::Home;
use crate::in_force::{Damaged, Entry, History, Kept, Past, Shape, copy_to};

/// Flags of `tradewind policy history`.
#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Flags of `tradewind policy show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The policy's hash, or its first digits (at least 6)
    hash: HashPrefix,
    /// Write its files into this folder, which is empty or made, in place of printing them
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Serialize)]
struct Listing<'k> {
    entries: Vec<&'k Past>,
    damaged: &'k [Damaged],
}

/// Lists what was in force, the newest first.
pub(super) fn list(args: HistoryArgs, out: &mut impl Write) -> Result<(), OperateError> {
    let kept = kept(args.place.settings()?.home)?;
    if args.json {
        let listing = Listing { entries: kept.entries.iter().map(|entry| &entry.past).collect(), damaged: &kept.damaged };
        writeln!(out, "{}", serde_json::to_string_pretty(&listing).map_err(io::Error::from)?)?;
        return Ok(());
    }
    for Past { number, hash, at, why, files } in kept.entries.iter().map(|entry| &entry.past) {
        let short = hash.get(..12).unwrap_or(hash);
        writeln!(out, "{number:06}  {short}  {at}  {:<8}  {}", why.as_str(), files.join(" "))?;
    }
    tell_damaged(&kept.damaged);
    Ok(())
}

/// Prints the texts of one policy, or writes them into a folder.
pub(super) fn show(args: ShowArgs, out: &mut impl Write) -> Result<(), OperateError> {
    let kept = kept(args.place.settings()?.home)?;
    let entry = find(&kept, &args.hash)?;
    if let Some(folder) = args.to {
        copy_to(&folder, &entry.files)?;
        writeln!(out, "{}", folder.display())?;
        return Ok(());
    }
    for file in &entry.files.files {
        // One file is printed as it is, so that it can be sent to where it belongs.
        if entry.files.shape == Shape::Folder {
            writeln!(out, "# {}", file.name)?;
        }
        out.write_all(file.text.as_bytes())?;
    }
    Ok(())
}

/// What is kept in that state directory.
pub(super) fn kept(home: PathBuf) -> Result<Kept, OperateError> {
    Ok(History::of(Home::at(home)).read()?)
}

/// The newest policy whose hash begins so, if there is no other.
pub(super) fn find<'k>(kept: &'k Kept, prefix: &HashPrefix) -> Result<&'k Entry, OperateError> {
    let mut found = kept.entries.iter().filter(|entry| prefix.begins(&entry.past.hash));
    let first = found.next().ok_or_else(|| OperateError::NotKept(prefix.clone()))?;
    if found.all(|other| other.past.hash == first.past.hash) { Ok(first) } else { Err(OperateError::Ambiguous(prefix.clone())) }
}

pub(super) fn tell_damaged(damaged: &[Damaged]) {
    for Damaged { file, problem } in damaged {
        eprintln!("tradewind: {} is left out: {problem}", file.display());
    }
}
