//! Who processes personal data for us: the registry on the privacy page.

use crate::pages::words::Text;

/// A company that works for us.
#[derive(Debug)]
pub struct Processor {
    /// What it is called.
    pub name: &'static str,
    /// For what we need it.
    pub purpose: Text,
    /// What it receives.
    pub data: Text,
    /// Where it keeps and processes that.
    pub region: Text,
    /// The hosts our functions call; none of a company that calls us.
    pub hosts: &'static [&'static str],
}

/// Where the projects of Supabase are; each has a name of its own before it.
pub const SUPABASE_HOST: &str = "supabase.co";

/// All of them.
pub static PROCESSORS: [Processor; 5] = [
    Processor {
        name: "Supabase",
        purpose: Text {
            en: "Database, files, sign-in",
            fr: "Base de données, fichiers, connexion",
        },
        data: Text {
            en: "Everything we hold: accounts, shop profiles, customers, texts, pictures, consent, exports",
            fr: "Tout ce que nous détenons : comptes, profils, clients, textos, images, consentements, exportations",
        },
        region: Text {
            en: "Montréal, Canada (ca-central-1)",
            fr: "Montréal, Canada (ca-central-1)",
        },
        hosts: &[SUPABASE_HOST],
    },
    Processor {
        name: "Vercel",
        purpose: Text {
            en: "Runs our functions and pages",
            fr: "Exécute nos fonctions et nos pages",
        },
        data: Text {
            en: "Requests and answers while they pass, network addresses; our logs, which name ids only",
            fr: "Requêtes et réponses au passage, adresses réseau; nos journaux, qui ne nomment que des identifiants",
        },
        region: Text {
            en: "Functions in Montréal, Canada (yul1); connections end at the nearest point of presence",
            fr: "Fonctions à Montréal, Canada (yul1); les connexions arrivent au point de présence le plus proche",
        },
        hosts: &[],
    },
    Processor {
        name: "Twilio",
        purpose: Text { en: "Carries texts and pictures", fr: "Achemine textos et images" },
        data: Text {
            en: "Phone numbers, texts and pictures in both directions",
            fr: "Numéros de téléphone, textos et images dans les deux sens",
        },
        region: Text { en: "United States", fr: "États-Unis" },
        hosts: &["api.twilio.com", "mms.twiliocdn.com"],
    },
    Processor {
        name: "Stripe",
        purpose: Text { en: "Payment of subscriptions", fr: "Paiement des abonnements" },
        data: Text {
            en: "The shop’s name, its owner’s address, the card typed at Stripe. Nothing about customers",
            fr: "Le nom du commerce, l’adresse du propriétaire, la carte tapée chez Stripe. Rien sur les clients",
        },
        region: Text { en: "United States", fr: "États-Unis" },
        hosts: &["api.stripe.com"],
    },
    Processor {
        name: "Groq",
        purpose: Text {
            en: "Writes the assistant’s answers",
            fr: "Rédige les réponses de l’assistant",
        },
        data: Text {
            en: "The shop’s instructions and the last texts of a conversation, with placeholders for names, numbers and addresses we recognise",
            fr: "Les instructions du commerce et les derniers textos d’une conversation, avec des jetons à la place des noms, numéros et adresses que nous reconnaissons",
        },
        region: Text { en: "United States", fr: "États-Unis" },
        hosts: &["api.groq.com"],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::settings::Reader;

    /// Every host that settings of production let the functions reach.
    fn reachable() -> BTreeSet<String> {
        let lookup = |name: &str| {
            let value = match name {
                "SUPABASE_URL" => "https://project.supabase.co",
                "TWILIO_ACCOUNT_SID" => "AC00000000000000000000000000000000",
                "STRIPE_SECRET_KEY" => "sk_live_fake",
                name if name.ends_with("_URL") || name == "VERCEL_ENV" => return None,
                _ => "fake",
            };
            Some(value.to_owned())
        };
        let reader = Reader::new(&lookup);
        let (supabase, stripe) = (reader.supabase().unwrap(), reader.stripe_api().unwrap());
        let (twilio, groq) = (reader.twilio_api().unwrap(), reader.groq().unwrap());
        let urls = [supabase.url, stripe.url, twilio.url, twilio.media_url, groq.url];
        reader.finish(Some(())).unwrap();
        urls.iter().map(|url| url.host_str().unwrap().replace("project.", "")).collect()
    }

    #[test]
    fn promise_never_share_our_code_reaches_the_processors_only() {
        let listed = PROCESSORS.iter().flat_map(|processor| processor.hosts);
        assert_eq!(listed.map(|host| (*host).to_owned()).collect::<BTreeSet<_>>(), reachable());
    }

    #[test]
    fn promise_sms_twilio_texts_have_one_way_out() {
        let carriers: Vec<_> = PROCESSORS
            .iter()
            .filter(|processor| processor.purpose.en.contains("texts"))
            .map(|processor| processor.name)
            .collect();
        assert_eq!(carriers, ["Twilio"]);
        // The one call that sends is of the client whose only host is Twilio's.
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![folder];
        let mut senders = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs")
                    && std::fs::read_to_string(&path).unwrap().contains("Messages.json")
                {
                    senders.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        senders.remove("processors");
        assert_eq!(senders, ["client".to_owned()].into());
    }
}
