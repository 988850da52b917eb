// The first set-up by keyboard alone: a clinic of five, from the printed address to the booklet and today. Key presses
// and time are counted; without JavaScript. Then every step again with JavaScript, inspected.
import path from 'node:path';
import { begin, context, done, inspect, is, ok, open, password, settle, shoot, stepUp, torture, totp } from './harness.mjs';

let presses = 0;
// What a hand does: Tab to a field, letters, Space, Enter. Nothing here uses the mouse or sets a value.
class Hand {
	constructor(page) { this.page = page; }
	async key(name) { presses++; await this.page.keyboard.press(name); }
	async name() { return this.page.evaluate(() => { const e = document.activeElement; return e ? e.name || e.id || e.getAttribute('href') || '' : ''; }); }
	// to(what): Tab until the focus is on the control of that name (or link, or button of that value)
	async to(what, value) {
		for (let i = 0; i < 300; i++) {
			await this.key('Tab');
			const at = await this.page.evaluate(() => { const e = document.activeElement; return [e.name || e.getAttribute('href') || '', e.value || '', e.textContent || '']; });
			if (at[0] === what && (value === undefined || at[1] === value || at[2].includes(value))) return;
		}
		throw new Error(`no ${what} by Tab on ${this.page.url()}`);
	}
	async type(text) { presses += [...text].length; await this.page.keyboard.insertText(text); }
	// Clear what stands there, then write.
	async write(what, text) {
		await this.to(what);
		await this.key('Control+a');
		await this.type(text);
	}
	// Choose by arrow keys.
	async choose(what, value) {
		await this.to(what);
		if (await this.page.evaluate(() => document.activeElement.value) !== value) await this.key('Home');
		for (let i = 0; i < 30; i++) {
			if (await this.page.evaluate(() => document.activeElement.value) === value) return;
			await this.key('ArrowDown');
		}
		throw new Error(`${what} has no ${value}`);
	}
	async go(what, value) {
		await this.to(what, value);
		await this.enter();
	}
	async enter() { await Promise.all([this.page.waitForNavigation({ waitUntil: 'load' }), this.key('Enter')]); }
	at() { return new URL(this.page.url()).pathname; }
}

const box = await begin(path.resolve('wizard-state'), []);
const browser = await open();
try {
	const plain = await context(browser, { javaScriptEnabled: false, acceptDownloads: true });
	const page = await plain.newPage();
	const h = new Hand(page);
	const start = Date.now();
	await page.goto(box.setup);
	await h.write('name', '院長 髙橋');
	await h.write('login', 'director');
	await h.enter();
	await h.go('/me/password');
	await h.write('password', password);
	await h.write('again', password);
	await h.enter();
	await h.go('/me/totp');
	const secret = await page.locator('main code.lead').innerText();
	await h.write('code', totp(secret));
	await h.enter();
	is(h.at(), '/wizard', 'the first sign-in leads into the first set-up');
	await shoot(page, 'wizard-plain');
	await h.go('/wizard/facility', 'はじめる');

	await h.write('h_name', `れい医院 ${torture}`);
	await h.choose('h_type', 'clinic');
	await h.write('h_beds', '0');
	await h.enter();
	is(h.at(), '/wizard/appointed', '1 the house');
	await h.write('h_who_manager', '葛󠄀城 事務');
	await h.write('h_who_deputy', '𠮷野 看護師');
	await h.choose('h_management', 'concurrent');
	await h.go('go', 'save');
	is(h.at(), '/wizard/people', '2 who answers for it');
	await h.choose('p0_job', 'doctor');
	await h.choose('p1_job', 'clerk');
	await h.choose('p2_job', 'nurse');
	await h.write('p3_name', '﨑山 看護師');
	await h.choose('p3_job', 'nurse');
	await h.write('p4_name', '㈱派遣 受付');
	await h.choose('p4_job', 'clerk');
	await h.go('go', 'save');
	is(h.at(), '/wizard/systems', '3 five people');
	for (const [kind, link] of [['s0', 'internal'], ['s1', 'both'], ['s2', 'internet']]) {
		await h.to(`${kind}_use`);
		await h.key('Space');
		await h.choose(`${kind}_connection`, link);
	}
	await shoot(page, 'wizard-cards-plain');
	await h.go('go', 'save');
	is(h.at(), '/wizard/vendors', '4 three systems');
	await h.write('v0_who', '㈱レセ');
	await h.choose('v0_remote', 'yes');
	await h.write('v1_who', 'カルテ社');
	await h.choose('v1_remote', 'unknown');
	await h.go('go', 'save');
	is(h.at(), '/wizard/backup', '5 who repairs them');
	await h.write('b_backup_where', 'NAS、受付の棚');
	await h.choose('b_backup_detached', 'no');
	await h.choose('c1_protection', 'vendor');
	await h.choose('n_system', 'sys-0001');
	await h.write('n_path', '/srv/karte');
	await h.choose('n_place', 'disk');
	await h.go('go', 'save');
	is(h.at(), '/wizard/contacts', '6 copies');
	await h.write('k0_phone', '090-1111-2222');
	await h.write('k3_phone', '03-3333-4444');
	await h.enter();
	is(h.at(), '/wizard/signin', '7 whom to call');
	await h.write('login', 'tantou');
	await h.enter();
	ok(await page.locator('.note.ok code').count() === 1, 'a second person is invited', await page.locator('main').innerText());
	await h.go('go', 'save');
	is(h.at(), '/wizard/done', '8 signing in');
	const minutes = (Date.now() - start) / 60000;
	// a hand needs about half a second a press, a head reads each of eleven pages for a minute
	const human = presses * 0.5 / 60 + 11;
	ok(human <= 30, `${presses} key presses, ${minutes.toFixed(1)} minutes by machine, about ${Math.round(human)} by a person`);
	ok(presses < 1200, 'few presses');
	const state = await page.locator('nav.dots li.done').count();
	is(state, 8, 'all eight are done');
	await h.go('', 'はじめの一冊を作る');
	await stepUp(page, secret);
	if (/\/wizard\/done/.test(page.url())) { // the step-up came back: once more
		await h.go('', 'はじめの一冊を作る');
	}
	await settle(page);
	const get = page.locator('a[href$="/file"]');
	ok(await get.count() === 1, 'the booklet is made', await page.locator('main').innerText());
	await page.goto(new URL('/', box.url).href);
	ok(await page.locator('#one').count() === 1 && await page.locator('#setup').count() === 0, 'today goes on with the checklist');
	await shoot(page, 'wizard-today-plain');
	await page.goto(new URL('/guide/findings', box.url).href);
	ok((await page.content()).includes('mamori vault carry'), 'the disk is a task that names the command');

	const full = await context(browser, { storageState: await plain.storageState() });
	const eyes = await full.newPage();
	const said = [];
	eyes.on('console', (m) => { if (m.type() === 'error' && !/404|status of 4/.test(m.text())) said.push(m.text()); });
	for (const name of ['', '/facility', '/appointed', '/people', '/systems', '/vendors', '/backup', '/contacts', '/signin', '/done']) {
		const res = await eyes.goto(new URL(`/wizard${name}`, box.url).href);
		is(res.status(), 200, `wizard${name} is there`);
		await inspect(eyes, `wizard${name.replace('/', '-')}`);
	}
	// a form that comes back
	await eyes.goto(new URL('/wizard/facility', box.url).href);
	await eyes.fill('[name=h_beds]', 'many');
	await Promise.all([eyes.waitForNavigation(), eyes.locator('button[value=save]').click()]);
	is(await eyes.locator('[name=h_beds]').inputValue(), 'many', 'what was typed is there when the form comes back');
	is(await eyes.locator('[name=h_name]').inputValue(), `れい医院 ${torture}`, 'all of it');
	await inspect(eyes, 'wizard-wrong');
	await eyes.goto(new URL('/', box.url).href);
	await inspect(eyes, 'wizard-today');
	is(said.join('\n'), '', 'no page breaks its own policy');
} catch (e) {
	ok(false, 'the first set-up ends', `${e.stack}\n${box.log().split('\n').slice(-10).join('\n')}`);
} finally {
	await browser.close();
	await box.stop();
}
done();
