//! What an operator does to a running deployment, through the same calls to the
//! database as the functions make. Every answer is JSON, to be read or piped.

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufRead as _, Read, Seek as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, Subcommand};
use leadslock::{
    context::Context,
    data::{
        backup::restore::restore,
        closure::{certificate, proof::Prover},
        export::verify::verify,
        retention::LIMITS,
        scan::{self, IdentifierError, Identifiers},
        seal::{Keyring, Place, WrappedKey},
    },
    providers::supabase::Supabase,
    settings::{Group, Reader},
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use trust::text::hex;
use trust::text::phone::{Phone, SuppressionKey};
use uuid::Uuid;

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Show work that is late or given up, exports close to due, accounts being closed,
    /// what is overdue, the last purge, texts sent twice, requests refused today, shops
    /// that wait for a number
    Status,
    /// List the jobs that were given up, oldest first
    DeadLetters,
    /// Have a job that was given up tried again; a text still passes the gate
    Revive {
        /// Its id, as dead-letters lists it
        job: Uuid,
    },
    /// Export the evidence of consent of one phone number, and the texts it was for
    Consent {
        /// A number of the shop, like +15145550100
        #[arg(value_parser = phone)]
        shop: Phone,
        /// The person's number, like +15145550123
        #[arg(value_parser = phone)]
        phone: Phone,
    },
    /// Record that an owner asked for an export by other means, say e-mail. It is due
    /// from now on, and begins when the owner, signed in, asks for the same
    Export {
        /// The shop's id
        business: Uuid,
        /// How its tables are to be written
        #[arg(long, default_value = "csv", value_parser = ["csv", "json"])]
        format: String,
    },
    /// Add a number bought at Twilio: for the shop that has waited longest for one, or
    /// the next that is opened
    AddNumber {
        /// The number, like +15145550100
        #[arg(value_parser = phone)]
        phone: Phone,
    },
    /// Bring a closed account back from its sealed backup, within the 90 days. Killed on
    /// the way, it is started again
    Restore {
        /// The id of the closure
        closure: Uuid,
    },
    /// Have a person stay erased when a closed account is restored
    EraseFromBackup {
        /// The id of the closure
        closure: Uuid,
        /// The person's number, like +15145550123
        #[arg(value_parser = phone)]
        phone: Phone,
    },
    /// Wrap the keys of all sealed backups by the first of BACKUP_KEYS, so that the
    /// others can be taken out
    Rewrap,
    /// Search everything there is for somebody: all tables, all objects. Tells how many
    /// hits there are and where; fails if there are any
    Scan(Sought),
    /// Check an exported bundle against its manifest
    VerifyBundle {
        /// The file
        file: PathBuf,
    },
    /// Check that the certificate of a deletion is whole and was made by this deployment
    VerifyCertificate {
        /// The file: what the owner's link shows as certificate
        file: PathBuf,
    },
}

/// Who is searched for. What is given as an argument can be read by whoever sees this
/// machine's processes; what is in a file cannot.
#[derive(Args)]
pub struct Sought {
    /// A phone number, like +15145550123
    #[arg(long = "phone", value_name = "PHONE")]
    phones: Vec<String>,
    /// An e-mail address
    #[arg(long = "email", value_name = "EMAIL")]
    emails: Vec<String>,
    /// A name, or any other word
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// An id
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// A file of lines like `phone +15145550123`, with phone, email, name or id; - is
    /// standard input
    #[arg(long = "from", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Sought {
    /// Who is on the lines of `file`, or of standard input if that is `-`.
    pub fn in_file(file: PathBuf) -> Self {
        let (phones, emails, names, ids) = Default::default();
        Self { phones, emails, names, ids, file: Some(file) }
    }

    fn identifiers(&self) -> Result<Identifiers> {
        let mut identifiers = Identifiers::default();
        let mut count = 0;
        let mut add = |kind: &str, text: &str| -> Result<()> {
            count += 1;
            match kind {
                "phone" => identifiers.add_phone(&phone(text).map_err(anyhow::Error::msg)?)?,
                "email" => identifiers.add_email(text)?,
                "name" => identifiers.add_name(text)?,
                "id" => identifiers.add_id(text)?,
                _ => bail!("a line begins with phone, email, name or id"),
            }
            Ok(())
        };
        let given = [
            ("phone", &self.phones),
            ("email", &self.emails),
            ("name", &self.names),
            ("id", &self.ids),
        ];
        for (kind, texts) in given {
            for text in texts {
                add(kind, text)?;
            }
        }
        if let Some(file) = &self.file {
            let lines: Box<dyn io::BufRead> = if file.as_os_str() == "-" {
                Box::new(io::stdin().lock())
            } else {
                Box::new(io::BufReader::new(File::open(file).with_context(cannot_read(file))?))
            };
            for line in lines.lines() {
                let line = line.with_context(cannot_read(file))?;
                if line.trim().is_empty() {
                    continue;
                }
                let (kind, text) = line.trim().split_once(' ').unwrap_or((&line, ""));
                add(kind, text.trim())?;
            }
        }
        if count == 0 {
            return Err(IdentifierError::None.into());
        }
        Ok(identifiers)
    }
}

impl fmt::Debug for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sought(hidden)")
    }
}

/// Whether `answer` is what nobody wants to see: a search that found something.
pub fn is_finding(task: &Task, answer: &Value) -> bool {
    let hits = answer.get("hits").and_then(Value::as_object);
    matches!(task, Task::Scan(_)) && hits.is_some_and(|hits| !hits.is_empty())
}

/// Does `task` to the deployment whose settings `reader` has.
pub async fn run(task: &Task, reader: Reader<'_>) -> Result<Value> {
    if let Task::VerifyBundle { file } = task {
        return verify_bundle(file);
    }
    if let Task::VerifyCertificate { file } = task {
        let key = reader.suppression_key();
        return verify_certificate(file, &reader.finish(key)?);
    }
    let sought = match task {
        Task::Scan(sought) => Some(sought.identifiers()?),
        _ => None,
    };
    let groups: &[Group] = match task {
        Task::Consent { .. } | Task::EraseFromBackup { .. } => {
            &[Group::Supabase, Group::SuppressionKey]
        }
        Task::Restore { .. } | Task::Rewrap => &[Group::Supabase, Group::BackupKeys],
        _ => &[Group::Supabase],
    };
    let context = Context::new(&reader, groups);
    let (supabase, storage) = (context.supabase(), context.storage());
    let suppression_key = groups
        .contains(&Group::SuppressionKey)
        .then(|| context.read(Group::SuppressionKey, Reader::suppression_key))
        .flatten();
    let keyring = groups
        .contains(&Group::BackupKeys)
        .then(|| context.read(Group::BackupKeys, Reader::backup_keys))
        .flatten();
    drop(context);
    let (supabase, storage) = reader.finish(supabase.zip(storage))?;

    match task {
        Task::Status => {
            let mut status = call(&supabase, "service_status", &json!({})).await?;
            let limits = LIMITS
                .iter()
                .map(|limit| json!({ "kind": limit.kind, "seconds": limit.age().as_secs() }));
            let limits = json!({ "limits": limits.collect::<Vec<_>>() });
            for (part, request) in [
                ("export_status", json!({})),
                ("closure_status", json!({})),
                ("number_status", json!({})),
                ("retention_status", limits),
            ] {
                let part = call(&supabase, part, &request).await?;
                if let (Some(status), Value::Object(part)) = (status.as_object_mut(), part) {
                    status.extend(part);
                }
            }
            Ok(status)
        }
        Task::DeadLetters => {
            pages(&supabase, "list_dead_jobs", json!({}), "jobs", "job_id", "after").await
        }
        Task::Revive { job } => call(&supabase, "revive_job", &json!({ "job_id": job })).await,
        Task::Consent { shop, phone } => {
            let request = json!({ "shop": shop, "phone_hmac": hash(suppression_key, phone)? });
            pages(&supabase, "export_consent", request, "texts", "id", "texts_after").await
        }
        Task::Export { business, format } => {
            let request = json!({ "business_id": business, "format": format });
            call(&supabase, "record_export_request", &request).await
        }
        Task::AddNumber { phone } => {
            call(&supabase, "add_number", &json!({ "phone": phone })).await
        }
        Task::Restore { closure } => {
            let keyring = keyring.context("BACKUP_KEYS is not set")?;
            let spool = tempfile::tempfile().context("there is no place for temporary files")?;
            let restored = restore(&supabase, &storage, &keyring, *closure, spool).await;
            Ok(serde_json::to_value(restored.context("the account was not restored")?)?)
        }
        Task::EraseFromBackup { closure, phone } => {
            let phone_hmac = hash(suppression_key, phone)?;
            let request = json!({ "closure_id": closure, "phone_hmac": phone_hmac });
            call(&supabase, "erase_from_backup", &request).await
        }
        Task::Rewrap => rewrap(&supabase, &keyring.context("BACKUP_KEYS is not set")?).await,
        Task::Scan(_) => {
            let sought = sought.unwrap_or_default();
            let report = scan::scan(&supabase, &storage, &sought).await;
            Ok(serde_json::to_value(report.context("the search is not finished")?)?)
        }
        // Done above: they ask nobody.
        Task::VerifyBundle { .. } | Task::VerifyCertificate { .. } => Ok(Value::Null),
    }
}

/// A wrapped key, as `rpc/closure_keys` lists it.
#[derive(Deserialize)]
struct ClosureKey {
    closure_id: Uuid,
    storage_path: String,
    key_id: String,
    wrapped_key: String,
}

/// Wraps all keys anew that are not wrapped by the newest. What was wrapped stays so if
/// this ends on the way.
async fn rewrap(supabase: &Supabase, keyring: &Keyring) -> Result<Value> {
    let all = pages(supabase, "closure_keys", json!({}), "keys", "closure_id", "after").await?;
    let keys: Vec<ClosureKey> =
        serde_json::from_value(all.get("keys").cloned().unwrap_or_default())
            .context("closure_keys answered in an unexpected form")?;
    let (mut rewrapped, count) = (0, keys.len());
    for key in keys {
        let ClosureKey { closure_id, storage_path, key_id, wrapped_key } = key;
        let place = Place { closure_id, path: storage_path };
        let of_closure = || format!("the key of closure {closure_id} was not wrapped anew");
        let bytes = STANDARD.decode(&wrapped_key).with_context(of_closure)?;
        let old = WrappedKey { key_id, bytes };
        let Some(new) = keyring.rewrap(&old, &place).with_context(of_closure)? else { continue };
        let request = json!({
            "closure_id": closure_id, "old_wrapped_key": wrapped_key, "key_id": new.key_id,
            "wrapped_key": STANDARD.encode(new.bytes),
        });
        let answer = call(supabase, "rewrap_closure_key", &request).await?;
        // None if the key was destroyed meanwhile.
        rewrapped += answer.get("rewrapped").and_then(Value::as_u64).unwrap_or(0);
    }
    Ok(json!({ "keys": count, "rewrapped": rewrapped }))
}

fn hash(key: Option<SecretString>, phone: &Phone) -> Result<String> {
    let key = key.context("SUPPRESSION_KEY is not set")?;
    Ok(SuppressionKey::new(&key).hash(phone))
}

/// What the certificate in `file` says; an error if it is not what was issued.
fn verify_certificate(file: &Path, key: &SecretString) -> Result<Value> {
    let text = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(Value::Object(certificate::verify(&text, &Prover::new(key))?))
}

fn cannot_read(file: &Path) -> impl Fn() -> String {
    move || format!("{} cannot be read", file.display())
}

/// What the bundle in `file` holds; an error if it is not what its manifest says.
fn verify_bundle(file: &Path) -> Result<Value> {
    let mut bundle = File::open(file).with_context(cannot_read(file))?;
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = bundle.read(&mut buffer).with_context(cannot_read(file))?;
        let Some(read @ [_, ..]) = buffer.get(..length) else { break };
        sha256.update(read);
    }
    bundle.rewind().with_context(cannot_read(file))?;
    let report = verify(io::BufReader::new(bundle))?;
    if !report.faults.is_empty() {
        bail!("the bundle is not what its manifest says: {}", report.faults.join("; "));
    }
    Ok(json!({ "sha256": hex::encode(&sha256.finalize()), "manifest": report.manifest }))
}

async fn call(supabase: &Supabase, function: &str, request: &Value) -> Result<Value> {
    let answer = supabase.call(function, request).await;
    answer.with_context(|| format!("{function} failed"))
}

/// Calls until a page of `list` is empty, each time after the last row's `id`,
/// and returns the first answer with all rows in it.
async fn pages(
    supabase: &Supabase,
    function: &str,
    mut request: Value,
    list: &str,
    id: &str,
    after: &str,
) -> Result<Value> {
    let rows =
        |answer: &Value| answer.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut whole = call(supabase, function, &request).await?;
    let mut all = rows(&whole);
    let mut page = all.clone();
    while let Some(last) = page.last().and_then(|row| row.get(id)) {
        if let Some(request) = request.as_object_mut() {
            request.insert(after.to_owned(), last.clone());
        }
        page = rows(&call(supabase, function, &request).await?);
        all.extend_from_slice(&page);
    }
    if let Some(whole) = whole.as_object_mut() {
        whole.insert(list.to_owned(), all.into());
    }
    Ok(whole)
}

fn phone(text: &str) -> Result<Phone, &'static str> {
    Phone::parse(text).ok_or("a phone number is + and up to 15 digits, like +15145550123")
}
