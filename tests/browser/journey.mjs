// The journey of a director, without JavaScript: first start → today → the vault → a file shown, fetched and given
// back; then every page that was seen is inspected with JavaScript on.
import fs from 'node:fs';
import path from 'node:path';
import { begin, context, director, done, inspect, is, ok, open, press, settle, shoot, stepUp, torture } from './harness.mjs';

const state = path.resolve('state');
const box = await begin(state);
if (!box.setup) { // a console that nobody can sign in to
	process.stdout.write('1..0 # SKIP the console has no first start\n');
	await box.stop();
	process.exit(0);
}
const browser = await open();
try {
	const plain = await context(browser, { javaScriptEnabled: false, acceptDownloads: true });
	const page = await plain.newPage();
	const to = (p) => page.goto(new URL(p, box.url).href);

	ok(box.setup, 'the first start has an address of its own');
	const secret = await director(page, box.setup);
	await to('/');
	is(await page.locator('nav.menu li').count(), 7, 'seven items in the menu');
	is(await page.locator('h1').count(), 1, 'today has one heading');
	ok((await page.content()).includes(torture), 'a name comes back exactly');
	await shoot(page, 'today-plain');

	// the vault
	await to('/vault');
	const systems = await page.locator('a[href^="/vault/systems/"]').evaluateAll((a) => a.map((x) => x.getAttribute('href')));
	ok(systems.length > 0, 'the practice hospital is protected');
	await to(systems[0]);
	const newest = page.locator('form[action="/vault/look"] button').first();
	ok(await newest.count() === 1, 'the newest copy can be looked into');
	await press(page, newest);
	await settle(page);
	ok(/\/vault\/look\//.test(page.url()), 'the folder opens', await page.locator('main').innerText());
	const looked = page.url();
	// down to the first file
	for (let i = 0; i < 12 && await page.locator('form[action="/vault/file"]').count() === 0; i++) {
		const folder = page.locator('tbody form[action="/vault/look"] button').first();
		if (await folder.count() === 0) break;
		await press(page, folder);
		await settle(page);
	}
	const deep = page.url();
	ok(await page.locator('form[action="/vault/file"]').count() > 0, 'a file is found', await page.locator('main').innerText());
	await press(page, page.locator('form[action="/vault/file"] button').first());
	await stepUp(page, secret);
	if (!/\/tasks\/|\/vault\/file\//.test(page.url())) { // the step-up comes back to where one was
		await page.goto(deep);
		await press(page, page.locator('form[action="/vault/file"] button').first());
	}
	await settle(page);
	ok(/\/vault\/file\//.test(page.url()), 'what the file says is shown', await page.locator('main').innerText());
	const shown = page.url();
	await press(page, page.locator('form[action="/vault/download"] button'));
	await settle(page);
	const get = page.locator('a[href$="/file"]');
	ok(await get.count() === 1, 'the file can be fetched', await page.locator('main').innerText());
	if (await get.count()) {
		const [download] = await Promise.all([page.waitForEvent('download'), get.click()]);
		const size = fs.statSync(await download.path()).size;
		ok(size > 0, `and has content (${size} bytes)`);
	}
	// give it back
	await page.goto(shown);
	await page.locator('a[href^="/vault/restore"]').first().click();
	await page.waitForLoadState();
	await stepUp(page, secret);
	const restoreAt = page.url();
	const target = path.resolve('back');
	await page.fill('[name=to]', 'not/absolute');
	await press(page, page.locator('form[action="/vault/restore"] button').first());
	ok(await page.locator('.field.wrong').count() === 1, 'a folder that is none is refused with words');
	await page.fill('[name=to]', target);
	await press(page, page.locator('form[action="/vault/restore"] button').first());
	await settle(page);
	const task = page.url();
	ok(await page.locator('.state.green').count() === 1, 'the file is given back', await page.locator('main').innerText());
	const files = fs.existsSync(target) ? fs.readdirSync(target, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()) : [];
	is(files.length, 1, 'and lies where it was wanted');

	// a drill, and what proves it
	await to(systems[0]);
	await press(page, page.locator('form[action$="/drill"] button'));
	await settle(page, 200);
	ok(await page.locator('.state.green').count() === 1, 'a drill succeeds', await page.locator('main').innerText());
	await to('/vault');
	const proofs = page.locator('a[href^="/vault/drills/"]');
	const drilled = await proofs.count() ? await proofs.first().getAttribute('href') : '';
	ok(drilled, 'and stands in the list of drills');

	// every page, with JavaScript
	const full = await context(browser, { storageState: await plain.storageState() });
	const eyes = await full.newPage();
	const said = [];
	eyes.on('console', (m) => { if (m.type() === 'error' && !/404|status of 4/.test(m.text())) said.push(m.text()); });
	eyes.on('pageerror', (e) => said.push(String(e)));
	const pages = { today: '/', vault: '/vault', system: systems[0], look: looked, deep, file: shown, restore: restoreAt, task, drill: drilled || '/none',
		tasks: '/tasks', me: '/me', settings: '/settings', guide: '/guide', register: '/register', people: '/people',
		papers: '/papers', incident: '/incident' };
	for (const [name, at] of Object.entries(pages)) {
		const res = await eyes.goto(new URL(at, box.url).href);
		if (res.status() === 404) continue; // a room that is not built
		is(res.status(), 200, `${name} is there`);
		await inspect(eyes, name);
	}
	is(said.join('\n'), '', 'no page breaks its own policy');
} catch (e) {
	ok(false, 'the journey ends', `${e.stack}\n${box.log().split('\n').slice(-10).join('\n')}`);
} finally {
	await browser.close();
	await box.stop();
}
done();
