// An inspection from its first answer to the binder, without JavaScript: answers with evidence, a finding with a dated
// plan, a vendor asked and answering, both rounds signed, the binder read back. Then a passkey: enrolled, signed in with,
// shown again where a fresh factor is asked for.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { begin, context, director, done, inspect, is, ok, open, press, settle, shoot, stepUp, torture } from './harness.mjs';

const state = path.resolve('state');
const box = await begin(state, []);
const browser = await open();
const pdftotext = (file) => execFileSync('pdftotext', ['-layout', '-enc', 'UTF-8', file, '-'], { encoding: 'utf8', maxBuffer: 1 << 26 });
const sql = (text) => execFileSync('sqlite3', ['-cmd', '.timeout 10000', path.join(state, 'records.db'), text], { encoding: 'utf8' });
const day = (n) => new Date(Date.now() + n * 86400000 + 9 * 3600000).toISOString().slice(0, 10);
try {
	// browsers know passkeys only for names
	const home = box.url.replace('127.0.0.1', 'localhost');
	const plain = await context(browser, { javaScriptEnabled: false, acceptDownloads: true });
	const page = await plain.newPage();
	const to = (p) => page.goto(new URL(p, home).href);
	const at = () => new URL(page.url()).pathname;
	const main = () => page.locator('main').innerText();
	const secret = await director(page, box.setup.replace('127.0.0.1', 'localhost'));

	// begin
	await to('/guide');
	const pack = await page.locator('a[href^="/guide/packs/"]').first().getAttribute('href');
	await to(pack);
	await page.fill('[name=due1]', day(30));
	await page.fill('[name=due2]', day(90));
	await press(page, page.locator('form[action="/guide/inspections"] button'));
	ok(/^\/guide\/inspections\/\d+$/.test(at()), 'an inspection is begun', await main());
	const run = at();

	// answers: yes with evidence, no with a day, I do not know; then the rest
	await to(pack);
	const items = await page.locator(`a[href^="${pack}/"]`).evaluateAll((a) => [...new Set(a.map((x) => x.getAttribute('href')))]);
	ok(items.length > 5, `${items.length} items`);
	const heads = []; // the checklist's own words; the heading asks in plain ones
	const answer = async (item, value, fill = async () => {}) => {
		await to(item);
		heads.push((await page.locator('main p.fine').first().innerText()).split(': ').pop());
		await page.check(`[name=value][value=${value}]`);
		await fill();
		await press(page, page.locator(`form[action="${item}"] button`).first());
	};
	const proof = path.resolve('証拠 髙橋 𠮷野 ①.txt');
	fs.writeFileSync(proof, `バックアップの記録 ${torture}\n`);
	await answer(items[0], 'yes', async () => {
		await page.setInputFiles('[name=file]', proof);
		await page.fill('[name=note]', `見た ${torture}`);
	});
	ok(at() !== items[0], 'it goes on to the next item', await main());
	await to(items[0]);
	ok((await main()).includes('証拠 髙橋 𠮷野 ①.txt'), 'the evidence is there by its name', await main());
	ok((await page.content()).includes(torture), 'the note comes back exactly');
	await answer(items[1], 'no', async () => { await page.fill('[name=note]', `まだ ${torture}`); });
	ok(await page.inputValue('[name=note]') === `まだ ${torture}` && await page.isChecked('[name=value][value=no]'),
		'a refused answer comes back as it was typed', await main());
	ok(await page.locator(await page.locator('.note.alarm a').first().getAttribute('href')).count() === 1, 'the problem leads to its field');
	await answer(items[1], 'no', async () => { await page.fill('[name=target]', day(60)); });
	await answer(items[2], 'unknown');
	await to(items[2]);
	ok(await page.locator('.state.grey').count() === 1, 'what nobody knows is grey', await main());
	await to(items[1]);
	ok(await page.locator('.state.green').count() === 0, 'a no is not green', await main());
	for (const item of items.slice(3)) await answer(item, 'yes');

	// the finding with its plan
	await to(items[1]);
	await press(page, page.locator('a[href^="/guide/findings?"]'));
	await page.fill('[name=title]', `直すこと ${torture}`);
	await page.fill('[name=detail]', '担当がいない');
	await press(page, page.locator('form[action="/guide/findings"] button'));
	ok(/^\/guide\/findings\/\d+$/.test(at()), 'a finding', await main());
	const finding = at();
	await page.fill('[name=plan]', `教育をする ${torture}`);
	await page.fill('[name=due]', day(45));
	await press(page, page.locator(`form[action="${finding}/plan"] button`));
	await press(page, page.locator(`form[action="${finding}/approve"] button`));
	await stepUp(page, secret);
	if (at() !== finding) await to(finding);
	if (await page.locator(`form[action="${finding}/approve"]`).count()) await press(page, page.locator(`form[action="${finding}/approve"] button`));
	ok((await main()).includes('院長') && (await main()).includes(day(45)), 'with an approved plan and its day', await main());
	await to(items[1]);
	ok(await page.locator('.state.yellow').count() === 1, 'now the item is yellow', await main());

	// a vendor is asked, and answers without an account
	await to('/guide/requests/new');
	await page.fill('[name=vendor]', `㈱システム ${torture}`);
	await page.selectOption('[name=practice]', { index: 1 });
	if (await page.locator('[name=form]').count()) await page.check('[name=form]');
	await page.fill('[name=due]', day(21));
	await press(page, page.locator('form[action="/guide/requests"] button'));
	ok(/^\/guide\/requests\/\d+$/.test(at()), 'a letter to the vendor', await main());
	const request = at();
	await press(page, page.locator(`form[action="${request}/link"] button`));
	const way = /https:\/\/\S+\/vendor\/[A-Za-z0-9_-]+/.exec(await page.content());
	ok(way, 'with an address of its own', await main());
	const stranger = await (await context(browser, { javaScriptEnabled: false })).newPage();
	await stranger.goto(way[0]);
	ok((await stranger.content()).includes('㈱システム') && await stranger.locator('nav.menu li').count() === 0, 'the vendor sees his letter and no menu');
	await stranger.fill('[name=name]', `業者 ${torture}`);
	for (const name of await stranger.locator('input[type=radio][value=yes]').evaluateAll((a) => a.map((x) => x.name))) await stranger.check(`[name="${name}"][value=yes]`);
	if (await stranger.locator('[name=text]').count()) await stranger.fill('[name=text]', 'はい');
	await shoot(stranger, 'vendor-form');
	await press(stranger, stranger.locator('form button').last());
	is((await stranger.goto(way[0])).status(), 410, 'his address is used up');
	await to(request);
	ok((await main()).includes(`業者 ${torture}`), 'who answered stands at the request', await main());

	// both rounds
	const sign = async (what) => {
		for (let i = 0; i < 2; i++) {
			await to(`${run}/check`);
			if (await page.locator(`form[action="${run}/sign"]`).count() === 0) break;
			await page.fill('[name=name]', `院長 ${torture}`);
			await press(page, page.locator(`form[action="${run}/sign"] button`));
			if (!at().startsWith('/signin/again')) break;
			await stepUp(page, secret);
		}
		ok(at() === run, what, `${at()}\n${await main()}`);
	};
	await to(`${run}/check`);
	await shoot(page, 'check');
	ok((await main()).includes(day(60)), 'before signing, all answers on one page', await main());
	await sign('the first round is signed');
	is(sql('SELECT count(*) FROM guide_signs').trim(), '1', 'once');
	await to(run);
	const second = page.locator(`form[action="${run}/round"] button`);
	ok(await second.count() === 1, 'the second round can begin', await main());
	if (await second.count()) {
		await press(page, second);
		for (const item of items) await answer(item, item === items[2] ? 'unknown' : 'yes');
		await sign('the second round is signed');
		is(sql('SELECT count(*) FROM guide_signs').trim(), '2', 'twice in all');
	}

	// the binder
	let file = '';
	for (let i = 0; i < 2 && !file; i++) {
		await to('/papers');
		await press(page, page.locator('form[action="/guide/binder"] button'));
		if (at().startsWith('/signin/again')) { await stepUp(page, secret); continue; }
		await settle(page);
		const get = page.locator('a[href$="/file"]');
		if (await get.count()) {
			const [download] = await Promise.all([page.waitForEvent('download'), get.first().click()]);
			file = path.resolve('binder.pdf');
			await download.saveAs(file);
		}
	}
	ok(file, 'the binder can be fetched', await main());
	if (file) {
		const text = pdftotext(file), flat = text.replace(/\s+/g, '');
		const found = heads.filter((h) => flat.includes(h.replace(/\s+/g, '').slice(0, 8))).length;
		ok(found >= heads.length * 0.9, `${found} of ${heads.length} items stand in it`, `${heads.slice(0, 3).join('\n')}\n${text.slice(0, 600)}`);
		ok(flat.includes('証拠髙橋𠮷野①'), 'the evidence by its name');
		ok(/申告のみ|申告だけ/.test(flat), 'what rests on a word alone');
		ok(flat.includes(torture.replace(/\s+/g, '')), 'names and notes exactly', [...torture].filter((c) => !text.includes(c)).join(' '));
		ok(flat.includes(day(45).replace(/-0?/g, '-')) || flat.includes(day(45)) || /教育をする/.test(flat), 'the plan');
		ok(/\d+\/\d+/.test(text), 'page n of N');
	}

	const said = [];
	// each page of the way, looked at with JavaScript: in the plain browser's session
	const look = await (await context(browser, { storageState: await plain.storageState() })).newPage();
	look.on('console', (m) => { if (m.type() === 'error' && !/404|status of 4/.test(m.text())) said.push(m.text()); });
	for (const [name, p] of Object.entries({ guide: '/guide', pack, item: items[0], run, check: `${run}/check`, findings: '/guide/findings', finding,
		requests: '/guide/requests', request, 'request-new': '/guide/requests/new', reviews: '/guide/reviews', compare: '/guide/compare', papers: '/papers' })) {
		const res = await look.goto(new URL(p, home).href);
		is(`${res.status()} ${new URL(look.url()).pathname}`, `200 ${p}`, `${name} is there`);
		await inspect(look, `inspection-${name}`);
	}

	// a passkey
	await to('/me');
	await press(page, page.locator('form[action="/me/codes"] button'));
	if (at().startsWith('/signin/again')) {
		await stepUp(page, secret);
		await to('/me');
		await press(page, page.locator('form[action="/me/codes"] button'));
	}
	const codes = (await page.locator('code.lead').allInnerTexts());
	is(codes.length, 10, 'ten printed codes');
	const full = await context(browser, { storageState: await plain.storageState() });
	const eyes = await full.newPage();
	eyes.on('console', (m) => { if (m.type() === 'error' && !/404|status of 4/.test(m.text())) said.push(m.text()); });
	eyes.on('pageerror', (e) => said.push(String(e)));
	const cdp = await full.newCDPSession(eyes);
	await cdp.send('WebAuthn.enable');
	const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal',
		hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
	const go = (p) => eyes.goto(new URL(p, home).href);
	const where = () => new URL(eyes.url()).pathname;
	const show = async () => { // a factor again, by a printed code
		if (!where().startsWith('/signin/again')) return;
		await eyes.fill('form[action="/signin/again"] [name=code]', codes.shift());
		await press(eyes, eyes.locator('form[action="/signin/again"] button'));
	};
	await go('/me/passkey');
	await show();
	if (where() !== '/me/passkey') await go('/me/passkey');
	await inspect(eyes, 'passkey');
	await eyes.fill('[name=name]', `鍵 ${torture}`);
	await press(eyes, eyes.locator('form[data-passkey=create] button'));
	is(where(), '/me', 'a passkey is enrolled');
	ok((await eyes.locator('main').innerText()).includes(`鍵 ${torture}`), 'with its name', await eyes.locator('main').innerText());
	const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
	is(credentials.length, 1, 'the authenticator holds it');
	is(credentials[0] && credentials[0].rpId, 'localhost', 'for this console alone');
	await go('/me');
	await press(eyes, eyes.locator('form[action="/signout"] button').first());
	await go('/signin?to=/guide');
	await inspect(eyes, 'signin-passkey');
	await press(eyes, eyes.locator('form[action="/signin/passkey"] button'));
	is(where(), '/guide', 'signed in with it, without name and password');
	sql('UPDATE sessions SET fresh_at = 1');
	await go('/settings/accounts/new');
	is(where(), '/signin/again', 'later a fresh factor is asked for');
	await press(eyes, eyes.locator('form[data-passkey]:not([data-passkey=create]) button'));
	is(where(), '/settings/accounts/new', 'and the passkey is one');
	// a passkey that was taken away opens nothing
	sql('DELETE FROM passkeys');
	await go('/me');
	await press(eyes, eyes.locator('form[action="/signout"] button').first());
	await go('/signin');
	await eyes.locator('form[action="/signin/passkey"] button').click();
	await eyes.waitForTimeout(1500);
	await go('/guide');
	is(where(), '/signin', 'a passkey that was taken away opens nothing');

	is(said.join('\n'), '', 'no page breaks its own policy');
} catch (e) {
	ok(false, 'the journey ends', `${e.stack}\n${box.log().split('\n').slice(-10).join('\n')}`);
} finally {
	await browser.close();
	await box.stop();
}
done();
