//! Customers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// When it was created.
    pub created: i64,
    /// The address mails go to.
    pub email: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// A text for the account's own use.
    pub description: Option<String>,
    /// The languages preferred, the first above all.
    pub preferred_locales: Vec<String>,
    /// The account's own data.
    pub metadata: BTreeMap<String, String>,
    /// The card that is charged when a subscription names none.
    pub default_card: Option<String>,
    /// Whether it was deleted.
    pub is_deleted: bool,
}

impl Customer {
    /// The API's object.
    pub(crate) fn resource(&self, livemode: bool) -> Value {
        if self.is_deleted {
            return json!({ "id": self.id, "object": "customer", "deleted": true });
        }
        json!({
            "id": self.id,
            "object": "customer",
            "address": null,
            "balance": 0,
            "created": self.created,
            "currency": null,
            "default_source": null,
            "delinquent": false,
            "description": self.description,
            "discount": null,
            "email": self.email,
            "invoice_prefix": self.invoice_prefix(),
            "invoice_settings": {
                "custom_fields": null,
                "default_payment_method": self.default_card,
                "footer": null,
                "rendering_options": null,
            },
            "livemode": livemode,
            "metadata": self.metadata,
            "name": self.name,
            "next_invoice_sequence": 1,
            "phone": self.phone,
            "preferred_locales": self.preferred_locales,
            "shipping": null,
            "tax_exempt": "none",
            "test_clock": null,
        })
    }

    /// What the numbers of its invoices begin with.
    pub(super) fn invoice_prefix(&self) -> String {
        let start = "cus_".len();
        self.id.get(start..start + 8).unwrap_or(&self.id).to_uppercase()
    }
}
