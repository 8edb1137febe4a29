//! The way in: signing up, signing in, codes.

use crate::pages::words::words;

words! {
    /// Signing in and up, codes and passwords.
    EntryWords {
        sign_in_title: "Sign in", "Se connecter";
        sign_up_title: "Create an account", "Créer un compte";
        code_title: "Sign in with a code", "Se connecter avec un code";
        recovery_title: "Set a new password", "Définir un nouveau mot de passe";
        enter_title: "Enter the code", "Saisir le code";
        password_title: "Choose a new password", "Choisir un nouveau mot de passe";
        email: "E-mail address", "Adresse courriel";
        password: "Password", "Mot de passe";
        new_password: "New password", "Nouveau mot de passe";
        password_hint:
            "12 characters or more; four random words are strong and easy to type. At most 72 characters (accents and emoji count for more).",
            "12 caractères ou plus; quatre mots au hasard sont solides et faciles à taper. 72 caractères au plus (les accents et les émojis comptent davantage).";
        code: "Code from the e-mail", "Code reçu par courriel";
        code_hint: "6 digits, valid for one hour.", "6 chiffres, valides une heure.";
        sign_in: "Sign in", "Se connecter";
        sign_up: "Create the account", "Créer le compte";
        send_code: "Send me a code", "Envoyez-moi un code";
        confirm: "Continue", "Continuer";
        save: "Save the password", "Enregistrer le mot de passe";
        with_code:
            "Sign in with a code by e-mail instead",
            "Se connecter plutôt avec un code par courriel";
        forgot: "Forgot your password?", "Mot de passe oublié?";
        no_account: "No account yet? Create one", "Pas encore de compte? Créez-en un";
        has_account:
            "Already have an account? Sign in",
            "Vous avez déjà un compte? Connectez-vous";
        code_lead:
            "We'll send you a code that signs you in once.",
            "Nous vous enverrons un code qui vous connecte une fois.";
        recovery_lead:
            "We'll send you a code, and then you choose a new password.",
            "Nous vous enverrons un code, puis vous choisirez un nouveau mot de passe.";
        code_sent:
            "If there is an account with this address, a code is on its way.",
            "S’il y a un compte à cette adresse, un code est en route.";
        password_lead:
            "Your other sessions stay signed in; sign out everywhere in the privacy centre if somebody else may know the old one.",
            "Vos autres sessions restent ouvertes; déconnectez-vous partout dans le centre de confidentialité si quelqu’un d’autre peut connaître l’ancien.";
        wrong_email: "This is not an e-mail address.", "Ce n’est pas une adresse courriel.";
        no_password: "Type your password.", "Tapez votre mot de passe.";
        wrong_pair:
            "That e-mail and password don't match.",
            "Adresse ou mot de passe incorrect.";
        wrong_code:
            "That code is wrong or has expired. Ask for a new one.",
            "Ce code est incorrect ou a expiré. Demandez-en un nouveau.";
        exists:
            "There is an account with this address. Sign in, or set a new password.",
            "Il y a un compte à cette adresse. Connectez-vous, ou définissez un nouveau mot de passe.";
        short: "Use 12 characters or more.", "Utilisez 12 caractères ou plus.";
        long:
            "Use at most 72 characters; accents and emoji count as two to four.",
            "Utilisez 72 caractères au plus; les accents et les émojis en comptent de deux à quatre.";
        simple:
            "This is too easy to guess. Mix different words.",
            "C’est trop facile à deviner. Mélangez des mots différents.";
        like_address: "This is too close to your address.", "C’est trop proche de votre adresse.";
        weak:
            "This password is known or too weak. Choose another.",
            "Ce mot de passe est connu ou trop faible. Choisissez-en un autre.";
        same:
            "This is your old password. Choose another.",
            "C’est votre ancien mot de passe. Choisissez-en un autre.";
        no_code: "Type the code from the e-mail.", "Tapez le code reçu par courriel.";
        bcrypt:
            "Your password passes through our memory only; Supabase Auth keeps its bcrypt hash, with a salt of its own.",
            "Votre mot de passe ne fait que passer par notre mémoire; Supabase Auth en garde le hachage bcrypt, avec un sel propre.";
    }
}

pub(super) mod password;
pub(super) mod sign_in;
