// A person's way through the product, in a real browser: every page in both languages, at both
// widths and in both colour schemes; then signing up, paying, being texted, answering,
// correcting, exporting everything, signing out, and deleting the account.
//
// Whatever happens, no page asks anything of anybody but us, logs an error, is wider than the
// screen, or has a fault that axe finds.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const { CHROMIUM, CONTROL, NUMBER, PAGES, PRODUCT, SUPABASE } = process.env;
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const product = new URL(PRODUCT).origin;
const LEAD = '+15145550199';
const EMAIL = 'anna@example.com';
const PASSWORD = 'canary violet plinth 7';

// Every page there is, by the product's own table; `{id}` is a person's, `{name}` nobody's.
const pages = JSON.parse(PAGES);
const PUBLIC = pages.filter(({ isOwners }) => !isOwners).map(({ path }) => path)
  .map((path) => path.replace('{name}', 'none')).concat('/nothing-here');
const OWNERS = pages.filter(({ isOwners }) => isOwners).map(({ path }) => path);

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update'],
});
const faults = [];

// A browser window that notes what should not be.
async function open(options) {
  const context = await browser.newContext({ ...options, acceptDownloads: true });
  const page = await context.newPage();
  page.on('console', (message) => {
    // A page that says what is wrong has the status that says so; Chromium logs that.
    const isStatus = /Failed to load resource: the server responded with a status of 4/;
    if (message.type() === 'error' && !isStatus.test(message.text())) {
      faults.push(`${page.url()}: console: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error}`));
  page.on('request', (request) => {
    // Stripe's pages may ask for what is Stripe's.
    const isOurPage = new URL(page.url()).origin === product;
    const isOurs = new URL(request.url()).origin === product;
    if (isOurPage && !isOurs && !request.isNavigationRequest()) {
      faults.push(`${page.url()} asks for ${request.url()}`);
    }
  });
  return { context, page };
}

// What holds for every page, as it is shown now.
async function inspect(page, told) {
  const { width, overflow } = await page.evaluate(() => ({
    width: document.documentElement.clientWidth,
    overflow: document.documentElement.scrollWidth,
  }));
  if (overflow > width) faults.push(`${told}: ${overflow} px wide on a screen of ${width}`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  for (const { id, nodes } of violations) {
    faults.push(`${told}: axe ${id}: ${nodes.map((node) => node.html).join(' | ').slice(0, 300)}`);
  }
}

async function text(body) {
  const response = await fetch(`${CONTROL}/texts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ from: LEAD, to: NUMBER, body }),
  });
  assert.equal(response.ok, true, await response.text());
}

async function conversation(until) {
  const query = new URLSearchParams({ phone: LEAD, shop: NUMBER, until, timeout: '30' });
  const response = await fetch(`${CONTROL}/conversation?${query}`);
  const told = await response.json();
  assert.equal(told.is_until_met, true, JSON.stringify(told).slice(0, 500));
  return told;
}

async function everyPublicPage() {
  for (const [width, colorScheme] of [[320, 'light'], [1280, 'dark'], [320, 'dark'], [1280, 'light']]) {
    const { context, page } = await open({
      colorScheme, viewport: { width, height: 800 }, reducedMotion: 'reduce',
    });
    for (const language of ['en', 'fr']) {
      for (const path of PUBLIC) {
        const separator = path.includes('?') ? '&' : '?';
        await page.goto(`${product}${path}${separator}lang=${language}`);
        assert.equal(await page.locator('html').getAttribute('lang'), language, path);
        await inspect(page, `${path} ${language} ${width} ${colorScheme}`);
      }
    }
    await context.close();
  }
}

// By keyboard alone: the first stop skips to the content, and each stop can be seen.
async function keyboard() {
  const { context, page } = await open({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${product}/sign-in?lang=en`);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  for (let stop = 0; stop < 3; stop += 1) {
    await page.keyboard.press('Tab');
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, 'none');
  }
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'BUTTON');
  await context.close();
}

async function everyOwnersPage(page, paths) {
  for (const width of [320, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    for (const language of ['fr', 'en']) {
      for (const path of paths) {
        await page.goto(`${product}${path}?lang=${language}`);
        await inspect(page, `${path} ${language} ${width}`);
      }
    }
  }
}

async function aPersonsWay() {
  const { context, page } = await open({ viewport: { width: 1280, height: 900 } });
  const press = (name) => page.getByRole('button', { name, exact: true }).click();

  // Signing up, with a mistake first.
  await page.goto(`${product}/?lang=en`);
  await page.getByRole('link', { name: 'Create an account' }).first().click();
  await page.getByLabel('E-mail address').fill(EMAIL);
  await page.getByLabel('New password').fill('short');
  await press('Create the account');
  await page.getByText('Use 12 characters or more.').waitFor();
  assert.equal(await page.getByLabel('E-mail address').inputValue(), EMAIL);
  await inspect(page, 'a form with a mistake');
  await page.getByLabel('New password').fill(PASSWORD);
  await press('Create the account');

  await page.getByRole('heading', { name: 'Tell us about your shop' }).waitFor();
  await inspect(page, '/welcome');
  await page.getByLabel('Name of the shop').fill('Anna’s Flowers');
  await page.getByLabel('Mailing address').fill('1 Main Street, Montréal');
  await page.getByLabel('E-mail address for customers').fill('flowers@example.com');
  await page.getByLabel('What the assistant may tell customers').fill('Open 9 to 5. Roses $4.');
  await press('Open the shop');
  await page.getByText(NUMBER).waitFor();

  // Paying: on to Stripe by a link, and back.
  await page.getByRole('link', { name: 'Billing', exact: true }).first().click();
  await page.getByRole('button', { name: /^Subscribe/ }).first().click();
  await inspect(page, 'on the way to Stripe');
  await page.getByRole('link', { name: 'Go to Stripe' }).click();
  await page.getByRole('button', { name: 'Start trial' }).click();
  await page.waitForURL(`${product}/billing**`);
  const served = page.getByText('Trial: everything works.');
  for (let tries = 0; tries < 50 && !(await served.isVisible()); tries += 1) {
    await page.goto(`${product}/billing`);
  }
  await served.waitFor();

  // Being texted, and answering by hand.
  await text('Hi! Do you have roses? <script>alert(1)</script>');
  await conversation('delivered');
  await page.goto(`${product}/conversations`);
  await page.getByRole('link', { name: LEAD.slice(1) }).click();
  await page.getByText('<script>alert(1)</script>').waitFor();
  await page.getByLabel('Your answer').fill('We do. See you soon! Anna');
  await press('Send');
  await page.getByText('Your text is on its way.').waitFor();
  const told = await conversation('settled');
  assert.match(JSON.stringify(told), /See you soon! Anna/);

  // Correcting what is known.
  await page.getByRole('link', { name: /What is known/ }).click();
  await page.getByLabel('Name', { exact: true }).fill('Béatrice “B” <Roy>');
  await press('Save');
  await page.getByRole('heading', { name: 'Béatrice “B” <Roy>' }).waitFor();
  const lead = new URL(page.url()).pathname;

  assert.ok(OWNERS.length > 10);
  const id = lead.split('/').at(-1);
  const paths = OWNERS.map((path) => path.replace('{id}', id));
  await everyOwnersPage(page, paths);

  // Exporting everything.
  await page.goto(`${product}/privacy-centre?lang=en`);
  await press('Start an export');
  const link = page.getByRole('link', { name: /^Download/ }).first();
  for (let tries = 0; tries < 200 && !(await link.isVisible()); tries += 1) {
    await page.goto(`${product}/privacy-centre`);
  }
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  assert.equal(new URL(download.url()).origin, new URL(SUPABASE).origin);
  const bundle = await readFile(await download.path());
  assert.equal(bundle.subarray(0, 2).toString(), 'PK');

  // What the browser keeps is out of reach for scripts, and gone afterwards.
  const cookies = await context.cookies();
  assert.ok(cookies.some((cookie) => cookie.name === '__Host-access'));
  for (const { name, httpOnly, secure, sameSite } of cookies) {
    assert.deepEqual({ httpOnly, secure, sameSite }, { httpOnly: true, secure: true, sameSite: 'Lax' }, name);
  }
  await page.goto(`${product}/privacy-centre`);
  await press('Sign out everywhere');
  await page.getByText('You are signed out on every device.').waitFor();
  assert.ok(!(await context.cookies()).some(({ name }) => /access|refresh/.test(name)));
  await page.goto(`${product}/billing`);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('E-mail address').fill(EMAIL);
  await page.getByLabel('Password').fill(PASSWORD);
  await press('Sign in');
  await page.waitForURL(`${product}/billing`);
  await context.close();
}

// Signs Anna in, in a window of her own.
async function signIn() {
  const window = await open({ viewport: { width: 1280, height: 900 } });
  await window.page.goto(`${product}/sign-in?lang=en`);
  await window.page.getByLabel('E-mail address').fill(EMAIL);
  await window.page.getByLabel('Password').fill(PASSWORD);
  await window.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  return window;
}

// A page of another site that sends our forms: the browser sends the cookies of a signed-in
// owner along with nothing of it, and we refuse what comes.
async function anotherSite() {
  const { context, page } = await signIn();
  await page.getByRole('heading', { name: 'Conversations' }).waitFor();
  await page.goto('about:blank');
  await page.setContent(`<form method="post" action="${product}/privacy-centre">
    <input name="format" value="json"><button>Win</button></form>`);
  await page.getByRole('button', { name: 'Win' }).click();
  await page.waitForURL(`${product}/**`);
  await page.goto(`${product}/privacy-centre`);
  assert.equal(await page.getByText('in progress').count(), 0);
  await context.close();
}

// Deleting everything, with a mistake first.
async function closingTheAccount() {
  const { context, page } = await signIn();
  const press = (name) => page.getByRole('button', { name, exact: true }).click();
  await page.getByRole('heading', { name: 'Conversations' }).waitFor();
  await page.goto(`${product}/privacy-centre`);
  await page.getByRole('link', { name: 'Delete the account…' }).click();
  await page.getByLabel('Type the shop\'s name to confirm').fill('Bob’s Flowers');
  await press('Delete the account for good');
  await page.getByText('This is not the shop\'s name.').waitFor();
  await inspect(page, 'a name that is not the shop\'s');
  await page.getByLabel('Type the shop\'s name to confirm').fill('Anna’s Flowers');
  await press('Delete the account for good');
  await page.getByRole('heading', { name: 'The account is closed' }).waitFor();
  await inspect(page, 'the account is closed');
  assert.ok(!(await context.cookies()).some(({ name }) => /access|refresh/.test(name)));
  const follow = await page.getByRole('link', { name: 'Follow the deletion' }).getAttribute('href');
  const closure = await (await context.request.get(`${product}${follow}`)).json();
  assert.equal(closure.state, 'closing');

  const refused = await signIn();
  await refused.page.locator('.error').first().waitFor();
  assert.equal(new URL(refused.page.url()).pathname, '/sign-in');
  await refused.context.close();
  await context.close();
}

try {
  await everyPublicPage();
  await keyboard();
  await aPersonsWay();
  await anotherSite();
  await closingTheAccount();
} finally {
  await browser.close();
  for (const fault of new Set(faults)) console.error(fault);
}
assert.equal(faults.length, 0, 'faults were found, see above');
console.log('a person gets along');
