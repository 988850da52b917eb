// What the browser tests share: a console of their own, a browser, TAP, and what every page must hold:
// no serious finding of axe, no sideways scrolling on a narrow or enlarged screen, nothing on the console.
import { chromium } from 'playwright-core';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const axeSource = fs.readFileSync(path.join(here, 'node_modules/axe-core/axe.min.js'), 'utf8');
export const password = 'kujira-to-umi-no-uta';
export const torture = '追加 髙橋 﨑 𠮷野 葛󠄀 ① ㈱ ｶﾅ ～';

// --- TAP
let count = 0, bad = 0;
export function ok(good, what, detail = '') {
	count++;
	if (!good) bad++;
	process.stdout.write(`${good ? '' : 'not '}ok ${count} - ${what}\n`);
	if (!good && detail) process.stdout.write(String(detail).split('\n').slice(0, 30).map((l) => `#   ${l}`).join('\n') + '\n');
	return good;
}
export const is = (got, want, what) => ok(got === want, what, `got:      ${got}\nexpected: ${want}`);
export function done() {
	process.stdout.write(`1..${count}\n`);
	process.exitCode = bad ? 1 : 0;
}

// --- the console: `mamori up --practice` on an empty state
export async function begin(state, options = ['--practice', '--size', '16M']) {
	const child = spawn(process.env.MAMORI, ['--state', state, '--lang', 'ja', 'up', '--listen', '127.0.0.1:0', ...options],
		{ stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TZ: 'Asia/Tokyo' } });
	let out = '', log = '', ended = false;
	child.stdout.on('data', (d) => { out += d; });
	child.stderr.on('data', (d) => { log += d; });
	child.on('exit', () => { ended = true; });
	for (let i = 0; i < 1200 && !/^(画面|はじめの準備): /m.test(out); i++) {
		if (ended) throw new Error(`mamori up ended: ${out}${log}`);
		await new Promise((r) => setTimeout(r, 200));
	}
	const url = /^(?:画面|はじめの準備): (https:\S+?)(?:setup\/\S+)?$/m.exec(out);
	const setup = /(https:\S+setup\/\S+)/.exec(out);
	if (!url) throw new Error(`no address: ${out}${log}`);
	return {
		url: url[1], setup: setup && setup[1], log: () => out + log,
		stop: () => new Promise((r) => { if (ended) r(); else { child.on('exit', r); child.kill('SIGINT'); } }),
		kill: () => { if (!ended) child.kill('SIGKILL'); },
	};
}

// --- the browser
export async function open() {
	return chromium.launch({
		executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
		args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
			'--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
	});
}
export const context = (browser, more = {}) => browser.newContext({
	ignoreHTTPSErrors: true, locale: 'ja-JP', timezoneId: 'Asia/Tokyo', viewport: { width: 1280, height: 900 }, ...more });

// --- a second factor as an authenticator makes it (RFC 6238)
export function totp(secret, step = 0) {
	const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
	let bits = '';
	for (const c of secret.replace(/[\s=]/g, '')) bits += alphabet.indexOf(c).toString(2).padStart(5, '0');
	const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
	const n = Buffer.alloc(8);
	n.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + step));
	const h = createHmac('sha1', key).update(n).digest();
	return String((h.readUInt32BE(h[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
}

// --- what every page must hold
const shots = process.env.SHOTS;
export async function shoot(page, name) {
	if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
}
// sideways(page, width): the elements that stick out at this width, as text; "" is good.
async function sideways(page, width) {
	await page.setViewportSize({ width, height: 800 });
	return page.evaluate(() => {
		const root = document.scrollingElement;
		if (root.scrollWidth <= root.clientWidth + 1) return '';
		const out = [];
		for (const el of document.querySelectorAll('body *')) {
			const b = el.getBoundingClientRect();
			const scrolls = el.closest('.scroll, pre');
			if (b.right > root.clientWidth + 1 && !(scrolls && scrolls !== el))
				out.push(`${el.tagName.toLowerCase()}.${el.className}: ${Math.round(b.right)} > ${root.clientWidth}`);
		}
		return out.slice(0, 8).join('\n') || `page is ${root.scrollWidth} wide`;
	});
}
export async function inspect(page, name) {
	await page.setViewportSize({ width: 1280, height: 900 });
	await shoot(page, name);
	await page.evaluate(axeSource);
	const found = await page.evaluate(async () => {
		const r = await window.axe.run(document, { resultTypes: ['violations', 'passes'] });
		if (r.passes.length < 5) return [`axe looked at nothing: ${r.passes.length} rules passed`];
		return r.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
			.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join('\n  ')}`);
	});
	ok(found.length === 0, `${name}: axe has no serious finding`, found.join('\n'));
	const phone = await sideways(page, 360);
	ok(phone === '', `${name}: nothing sticks out at 360 px`, phone);
	await shoot(page, `${name}-360`);
	const zoom = await sideways(page, 320); // 1280 px at 400 %
	ok(zoom === '', `${name}: nothing sticks out at 400 %`, zoom);
	const small = await page.evaluate(() => [...document.querySelectorAll('button, a.button, input:not([type=hidden]), select')]
		.map((el) => [el, el.getBoundingClientRect()]).filter(([el, b]) => b.width > 0 && b.height < 24 && !el.closest('.skip'))
		.map(([el]) => el.outerHTML.slice(0, 100)));
	ok(small.length === 0, `${name}: everything to press is at least 24 px high`, small.join('\n'));
	await page.setViewportSize({ width: 1280, height: 900 });
}

// submit(page, selector): press and wait for the page that comes.
export async function press(page, locator) {
	await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), locator.click()]);
}
// A task's page renews itself, without JavaScript too; where it leads is the answer.
export async function settle(page, seconds = 120) {
	const end = Date.now() + seconds * 1000;
	while (/\/tasks\/[0-9a-f]+$/.test(new URL(page.url()).pathname) && Date.now() < end) {
		// between two pages there is nothing to count
		const over = await page.locator('.state').count().catch(() => 0);
		if (over) break;
		await page.waitForTimeout(400);
	}
	await page.waitForLoadState().catch(() => {});
}
// The first start: a director with password and authenticator.
export async function director(page, setup) {
	await page.goto(setup);
	await page.fill('[name=name]', `院長 ${torture}`);
	await page.fill('[name=login]', 'director');
	await press(page, page.locator('main form button').first());
	await page.goto(new URL('/me/password', page.url()).href);
	await page.fill('[name=password]', password);
	await page.fill('[name=again]', password);
	await press(page, page.locator('main form button').first());
	await page.goto(new URL('/me/totp', page.url()).href);
	const secret = await page.locator('main code.lead').innerText();
	await page.fill('[name=code]', totp(secret));
	await press(page, page.locator('main form button').first());
	return secret;
}
// stepUp(page, secret): pass the page that asks for the factor again, if it is there. A code counts once, so the
// next half minute's is used.
let used = 0;
export async function stepUp(page, secret) {
	if (!new URL(page.url()).pathname.startsWith('/signin/again')) return;
	used++;
	if (await page.locator('[name=password]').count()) await page.fill('[name=password]', password);
	if (await page.locator('[name=code]').count()) await page.fill('[name=code]', totp(secret, used % 2));
	await press(page, page.locator('main form button').first());
}
