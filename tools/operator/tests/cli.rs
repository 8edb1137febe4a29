//! The program as an operator starts it: bad input gets one clear sentence.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{
    fs,
    process::{Command, Output},
};

fn operator(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_operator")).args(arguments).env_clear().output().unwrap()
}

#[test]
fn bad_input_is_refused_with_a_sentence() {
    let file = std::env::temp_dir().join(format!("leadslock-operator-{}.env", std::process::id()));
    fs::write(&file, "# nobody listens there\nVERCEL_ENV=development\nSUPABASE_URL=http://127.0.0.1:9\nSUPABASE_SECRET_KEY=x\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, sentence) in [
        (&[][..], "Usage: cargo operator"),
        (&["consent", "514-555-0100", "+15145550123"], "a phone number is + and up to 15 digits"),
        (&["revive", "1"], "invalid value '1'"),
        (&["verify-bundle", "/nonexistent"], "/nonexistent cannot be read"),
        (&["verify-bundle", file], "the file is not a zip, or not whole"),
        (&["export", "x"], "invalid value 'x'"),
        (&["status"], "SUPABASE_URL is not set; SUPABASE_SECRET_KEY is not set"),
        (&["--env", "/nonexistent", "status"], "/nonexistent cannot be read"),
        (&["--env", file, "status"], "service_status failed: the host could not be reached"),
        (&["restore", "x"], "invalid value 'x'"),
        (&["--env", file, "rewrap"], "BACKUP_KEYS is not set"),
        (&["--env", file, "consent", "+15145550100", "+15145550123"], "SUPPRESSION_KEY is not set"),
        (&["scan", "--name", "Ann"], "a name is too short to be searched for"),
        (&["scan", "--phone", "5145550123"], "a phone number is + and up to 15 digits"),
        (&["scan", "--from", "/nonexistent"], "/nonexistent cannot be read"),
        (&["--env", file, "scan", "--from", file], "a line begins with phone, email, name or id"),
        (&["--env", file, "scan", "--name", "Quokka"], "the search is not finished"),
        (&["scan"], "nothing is to be searched for"),
    ] {
        let output = operator(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(told.contains(sentence), "{arguments:?}: {told}");
        // One is what a search ends with that found something.
        assert!(!arguments.contains(&"scan") || output.status.code() == Some(2), "{arguments:?}");
    }
    fs::remove_file(file).unwrap();
}
