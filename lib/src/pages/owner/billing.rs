//! `/billing`: how the shop stands, and the way to Stripe.

use maud::{Markup, html};

use crate::{
    edge::{Answer, Problem},
    owner::{OwnerError, billing::Destination, shop::Billing},
    pages::{
        Notice, Pages, Visit,
        form::{self, Form},
        notice::NoticeWords,
        signed_in::Owner,
        words::words,
    },
};

words! {
    /// The owner's billing page.
    BillingWords {
        title: "Billing", "Facturation";
        lead:
            "Payment happens at Stripe. No card number ever reaches us.",
            "Le paiement se fait chez Stripe. Aucun numéro de carte ne nous parvient.";
        standing: "Your subscription", "Votre abonnement";
        none:
            "You have no subscription yet. Texts to your shop are kept, but not answered.",
            "Vous n’avez pas encore d’abonnement. Les textos à votre commerce sont gardés, mais sans réponse.";
        trialing: "Trial: everything works.", "Essai : tout fonctionne.";
        active: "Paid: everything works.", "Payé : tout fonctionne.";
        past_due:
            "A payment is late. Everything works for a week from then; please look at your card at Stripe.",
            "Un paiement est en retard. Tout fonctionne pendant une semaine; vérifiez votre carte chez Stripe.";
        unpaid:
            "Payment failed. Texts are kept, but not answered until it is settled.",
            "Le paiement a échoué. Les textos sont gardés, mais sans réponse jusqu’au règlement.";
        paused:
            "Paused. Texts are kept, but not answered.",
            "En pause. Les textos sont gardés, mais sans réponse.";
        ended:
            "Ended. Texts are kept, but not answered.",
            "Terminé. Les textos sont gardés, mais sans réponse.";
        choose: "Choose a plan", "Choisir un forfait";
        subscribe: "Subscribe", "S’abonner";
        manage:
            "Change plan, card or invoices",
            "Changer de forfait, de carte, ou voir les factures";
        trial_begins: "", "Essai gratuit de ";
        trial_ends: "-day free trial. Cancel any time.", " jours. Annulez quand vous voulez.";
        cards:
            "Cards, invoices and receipts are kept by Stripe, in the United States.",
            "Cartes, factures et reçus sont gardés par Stripe, aux États-Unis.";
        leaving_title: "On to Stripe", "Vers Stripe";
        leaving:
            "You are leaving LeadsLock for Stripe's own page, and come back here afterwards.",
            "Vous quittez LeadsLock pour la page de Stripe, puis revenez ici.";
        go_to_stripe: "Go to Stripe", "Aller chez Stripe";
        back: "Back to billing", "Retour à la facturation";
    }
}

impl BillingWords {
    /// What a first subscription is offered.
    pub(in crate::pages) fn trial(&self, days: u32) -> String {
        format!("{}{days}{}", self.trial_begins, self.trial_ends)
    }
}

impl Pages {
    /// The page, or the way to Stripe if that was asked for.
    ///
    /// The way there is a page of ours with a link. A redirect would need an exception
    /// from the rule that forms lead to ourselves only.
    pub(crate) async fn billing(
        &self,
        visit: &Visit,
        owner: &Owner,
        form: Option<Form>,
    ) -> Result<Answer, Problem> {
        if let Some(form) = form {
            let plan = Some(form.text("plan")).filter(|plan| !plan.is_empty());
            return match self.billing.open(owner.session(), None, plan).await {
                Ok(destination) => Ok(visit.page(leaving(visit, owner, &destination))),
                Err(OwnerError::NoShop) => Ok(visit.redirect("/billing", Some(Notice::NoShop))),
                Err(error) => Err(error.into()),
            };
        }
        let standing = self.account(owner).await?.map(|account| account.shop.billing);
        Ok(visit.page(self.billing_page(visit, owner, standing)))
    }

    fn billing_page(&self, visit: &Visit, owner: &Owner, standing: Option<Billing>) -> Markup {
        let words = BillingWords::of(visit.language);
        let trial_days = self.billing.trial_days();
        let content = html! {
            div.prose {
                h1 { (words.title) }
                p { (words.lead) }
                section.card {
                    h2 { (words.standing) }
                    @match standing {
                        Some(standing) => (tell(words, standing)),
                        None => p { (NoticeWords::of(visit.language).no_shop) },
                    }
                }
                @match standing {
                    Some(standing) if can_be_paid(standing) => form method="post" {
                        (form::token(&owner.form_token))
                        button type="submit" { (words.manage) }
                    },
                    Some(standing) => {
                        h2 { (words.choose) }
                        @if standing == Billing::None && trial_days > 0 {
                            p { (words.trial(trial_days)) }
                        }
                        div.grid {
                            @for plan in self.billing.plans() {
                                form.card method="post" {
                                    (form::token(&owner.form_token))
                                    input type="hidden" name="plan" value=(plan.name);
                                    h3 { (plan.name) }
                                    button type="submit" aria-label={ (words.subscribe) ": " (plan.name) } {
                                        (words.subscribe)
                                    }
                                }
                            }
                        }
                    },
                    None => {},
                }
                p.quiet { (words.cards) }
            }
        };
        visit.owners_page(owner, words.title, content)
    }
}

/// Whether the shop has a subscription that the portal can do something about.
fn can_be_paid(standing: Billing) -> bool {
    !matches!(standing, Billing::None | Billing::IncompleteExpired | Billing::Canceled)
        && standing != Billing::Incomplete
}

fn tell(words: &BillingWords, standing: Billing) -> Markup {
    let (text, tone) = match standing {
        Billing::None | Billing::Incomplete | Billing::IncompleteExpired => (words.none, "warn"),
        Billing::Trialing => (words.trialing, "good"),
        Billing::Active => (words.active, "good"),
        Billing::PastDue => (words.past_due, "warn"),
        Billing::GraceOver | Billing::Unpaid => (words.unpaid, "bad"),
        Billing::Paused => (words.paused, "warn"),
        Billing::Canceled => (words.ended, "warn"),
    };
    html! { p class={ "notice " (tone) } { (text) } }
}

fn leaving(visit: &Visit, owner: &Owner, destination: &Destination) -> Markup {
    let words = BillingWords::of(visit.language);
    let content = html! {
        div.prose {
            h1 { (words.leaving_title) }
            p { (words.leaving) }
            p { (words.cards) }
            p.row {
                a.button href=(destination.url) rel="noreferrer" { (words.go_to_stripe) }
                a.button.second href="/billing" { (words.back) }
            }
        }
    };
    visit.owners_page(owner, words.leaving_title, content)
}
