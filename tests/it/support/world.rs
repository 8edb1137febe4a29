//! A test's world, by name: shops and their owners, subscriptions, leads and texts that are
//! there already when the test begins. What the product itself does is not done here: a
//! text that must be answered is sent to it.

use stack::product;
use tokio_postgres::types::ToSql;
use trust::text::phone::{Phone, SuppressionKey};
use uuid::Uuid;

use super::{OWNER, SHOP, TestStack};

impl TestStack {
    /// Another shop, of the demo shop's owner unless it is said otherwise.
    pub(crate) fn shop<'a>(&'a self, name: &'a str) -> Shop<'a> {
        Shop { stack: self, name, owner: None, number: None, status: None }
    }

    /// A subscription of the demo shop's, in this status.
    pub(crate) fn subscription<'a>(&'a self, id: &'a str, status: &'a str) -> Subscription<'a> {
        let (customer, business) = ("cus_1", None);
        let (is_paused, unpaid_for, created) = (false, 0.0, None);
        Subscription { stack: self, id, status, customer, business, is_paused, unpaid_for, created }
    }

    /// Somebody whom the demo shop knows by this number.
    pub(crate) fn lead<'a>(&'a self, phone: &'a str) -> Lead<'a> {
        Lead {
            stack: self,
            phone,
            hash: None,
            name: None,
            flag: None,
            suppression: None,
            texts: Vec::new(),
        }
    }

    /// So many texts that each lead of the demo shop has sent and that nothing is owed to,
    /// with these bodies in turn.
    pub(crate) async fn add_texts(&self, count: i32, bodies: &[&str]) {
        let add = "insert into app.messages
                     (business_id, lead_id, sender_phone, direction, author, body, status)
                   select l.business_id, l.id, $1::text, 'inbound', 'lead',
                     ($2::text[])[n % cardinality($2::text[]) + 1], 'received'
                   from app.leads l
                   join app.sender_numbers s on s.business_id = l.business_id and s.phone = $1::text,
                     generate_series(1, $3::integer) n";
        self.database.execute(add, &[&SHOP, &bodies, &count]).await.unwrap();
    }

    /// A second factor of every owner's, `verified` or not.
    pub(crate) async fn enrol_factors(&self, status: &str) {
        let enrol = format!(
            "insert into auth.mfa_factors
               (id, user_id, factor_type, status, created_at, updated_at)
             select gen_random_uuid(), id, 'totp', '{status}', now(), now() from auth.users"
        );
        self.database.batch_execute(&enrol).await.unwrap();
    }

    /// Somebody who signs in with this address, and with the password that the demo shop's
    /// owner has, if that is still there.
    pub(crate) async fn add_owner(&self, email: &str) -> Uuid {
        let add = "with owner as (
                     insert into auth.users
                       (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
                        raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
                     select '00000000-0000-0000-0000-000000000000', gen_random_uuid(),
                       'authenticated', 'authenticated', $1,
                       (select encrypted_password from auth.users where email = $2), now(),
                       jsonb_build_object('provider', 'email', 'providers', array['email']), '{}',
                       now(), now()
                     returning id
                   ), identity as (
                     insert into auth.identities
                       (id, provider_id, user_id, provider, identity_data, last_sign_in_at,
                        created_at, updated_at)
                     select gen_random_uuid(), id::text, id, 'email',
                       jsonb_build_object('sub', id, 'email', $1), now(), now(), now()
                     from owner
                   )
                   select id from owner";
        self.rows(add, &[&email, &OWNER]).await[0].get(0)
    }
}

/// A shop to open.
pub(crate) struct Shop<'a> {
    stack: &'a TestStack,
    name: &'a str,
    owner: Option<&'a str>,
    number: Option<&'a str>,
    status: Option<&'a str>,
}

impl<'a> Shop<'a> {
    /// Of another owner, who is new and has this address.
    pub(crate) fn owned_by(self, email: &'a str) -> Self {
        Self { owner: Some(email), ..self }
    }

    /// With a number of its own: a new one, or one that is free.
    pub(crate) fn with_number(self, phone: &'a str) -> Self {
        Self { number: Some(phone), ..self }
    }

    /// With a subscription in this status.
    pub(crate) fn subscribed(self, status: &'a str) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Opens it.
    pub(crate) async fn open(self) -> Uuid {
        let stack = self.stack;
        let owner = match self.owner {
            Some(email) => stack.add_owner(email).await,
            None => {
                stack.rows("select id from auth.users where email = $1", &[&OWNER]).await[0].get(0)
            }
        };
        let email = self.owner.unwrap_or(OWNER);
        let open = "insert into app.businesses (owner_id, name, mailing_address, contact_email)
                    values ($1, $2, '1 rue Rachel', $3)
                    returning id";
        let id: Uuid = stack.rows(open, &[&owner, &self.name, &email]).await[0].get(0);
        if let Some(phone) = self.number {
            let take =
                "insert into app.sender_numbers as n (phone, business_id) values ($1::text, $2)
                        on conflict (phone) do update set business_id = excluded.business_id
                        where n.business_id is null";
            assert_eq!(stack.database.execute(take, &[&phone, &id]).await.unwrap(), 1, "{phone}");
            stack.refresh_numbers().await;
        }
        if let Some(status) = self.status {
            stack.subscription("sub_Another", status).of(id, "cus_Another").add().await;
        }
        id
    }
}

/// A subscription to add, as we would have it from Stripe.
pub(crate) struct Subscription<'a> {
    stack: &'a TestStack,
    id: &'a str,
    status: &'a str,
    customer: &'a str,
    business: Option<Uuid>,
    is_paused: bool,
    unpaid_for: f64,
    created: Option<f64>,
}

impl<'a> Subscription<'a> {
    /// Of another shop and customer.
    pub(crate) fn of(self, business: Uuid, customer: &'a str) -> Self {
        Self { business: Some(business), customer, ..self }
    }

    /// Of the demo shop, by another customer of it.
    pub(crate) fn by(self, customer: &'a str) -> Self {
        Self { customer, ..self }
    }

    /// Whether it is collected.
    pub(crate) fn paused(self, is_paused: bool) -> Self {
        Self { is_paused, ..self }
    }

    /// For how many seconds it has been unpaid, if it is past due.
    pub(crate) fn unpaid_for(self, seconds: f64) -> Self {
        Self { unpaid_for: seconds, ..self }
    }

    /// When it was made, in seconds of Unix time; else now.
    pub(crate) fn created(self, at: f64) -> Self {
        Self { created: Some(at), ..self }
    }

    /// Adds it, and its customer if that is not known.
    pub(crate) async fn add(self) {
        let Self { id, status, customer, business, is_paused, unpaid_for, created, .. } = self;
        let add = "with shop as (
                     select coalesce(
                       $1, (select business_id from app.sender_numbers where phone = $2::text)
                     ) as id
                   ), customer as (
                     insert into app.stripe_customers (id, business_id) select $3, id from shop
                     on conflict do nothing
                   )
                   insert into app.subscriptions (id, business_id, customer_id, status,
                     cancel_at_period_end, is_collection_paused, unpaid_since, created_at)
                   select $4, id, $3, $5, false, $6,
                     case when $5 = 'past_due' then app.clock() - make_interval(secs => $7) end,
                     coalesce(to_timestamp($8), app.clock())
                   from shop";
        let of: [&(dyn ToSql + Sync); 8] =
            [&business, &SHOP, &customer, &id, &status, &is_paused, &unpaid_for, &created];
        self.stack.database.execute(add, &of).await.unwrap();
    }
}

/// A lead to add.
pub(crate) struct Lead<'a> {
    stack: &'a TestStack,
    phone: &'a str,
    hash: Option<String>,
    name: Option<&'a str>,
    flag: Option<&'a str>,
    suppression: Option<&'a str>,
    texts: Vec<(&'static str, String)>,
}

impl<'a> Lead<'a> {
    /// Known by another hash, in hexadecimal digits.
    pub(crate) fn hashed(self, hash: String) -> Self {
        Self { hash: Some(hash), ..self }
    }

    /// With a name.
    pub(crate) fn named(self, name: Option<&'a str>) -> Self {
        Self { name, ..self }
    }

    /// Waiting for the owner, for this reason.
    pub(crate) fn flagged(self, reason: Option<&'a str>) -> Self {
        Self { flag: reason, ..self }
    }

    /// Not to be texted, for this reason.
    pub(crate) fn suppressed(self, reason: Option<&'a str>) -> Self {
        Self { suppression: reason, ..self }
    }

    /// Who wrote once more; nothing is owed to that.
    pub(crate) fn wrote(mut self, body: impl Into<String>) -> Self {
        self.texts.push(("lead", body.into()));
        self
    }

    /// Whom the assistant wrote once more.
    pub(crate) fn got(mut self, body: impl Into<String>) -> Self {
        self.texts.push(("assistant", body.into()));
        self
    }

    /// Adds them, known by the number's hash as the product knows numbers.
    pub(crate) async fn add(self) -> Uuid {
        let add = "insert into app.leads
                     (business_id, phone, phone_hmac, name, needs_owner_since, needs_owner_reason)
                   select business_id, $1::text, decode($2, 'hex'), $3, case when $4::text is not null then now() end, $4
                   from app.sender_numbers
                   where phone = $5::text
                   returning id";
        let hash = self.hash.unwrap_or_else(|| hash_of(self.phone));
        let database = &self.stack.database;
        let of: [&(dyn ToSql + Sync); 5] = [&self.phone, &hash, &self.name, &self.flag, &SHOP];
        let id: Uuid = database.query_one(add, &of).await.unwrap().get(0);
        for (author, body) in &self.texts {
            let add = "insert into app.messages (business_id, lead_id, sender_phone, direction,
                         author, body, legal_basis, status)
                       select business_id, id, $1::text, case $2 when 'lead' then 'inbound' else 'outbound' end,
                         $2, $3, case $2 when 'lead' then null else 'response' end,
                         case $2 when 'lead' then 'received' else 'delivered' end
                       from app.leads
                       where id = $4";
            database.execute(add, &[&SHOP, author, body, &id]).await.unwrap();
        }
        if let Some(reason) = self.suppression {
            let suppress = "select app.suppress(business_id, phone_hmac, $1::text) from app.leads where id = $2";
            database.execute(suppress, &[&reason, &id]).await.unwrap();
        }
        id
    }
}

/// The keyed hash of a number by the local stack's key, in hexadecimal digits.
fn hash_of(phone: &str) -> String {
    let key = SuppressionKey::new(&product::SUPPRESSION_KEY.into());
    key.hash(&Phone::parse(phone).unwrap())
}
