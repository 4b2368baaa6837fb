// A real browser, for pages that people read: Debian's Chromium, driven by Playwright.
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';

const executablePath = '/usr/bin/chromium';

/** Why there is none; undefined where there is. */
export const missingBrowser = existsSync(executablePath)
	? undefined
	: `There is no ${executablePath}: apt-get install chromium.`;

// The gate installs one: a test of a page that is left out there would never be noticed.
if (missingBrowser !== undefined && process.env.CI === 'true') throw new Error(missingBrowser);
if (missingBrowser !== undefined) console.warn(`Tests of pages are left out. ${missingBrowser}`);

const quiet = ['gpu', 'quic', 'background-networking', 'component-update', 'sync'].map((what) => `--disable-${what}`);

/** @param more - further arguments */
export async function startBrowser(more: readonly string[] = []): Promise<Browser> {
	return await chromium.launch({ executablePath, args: ['--no-sandbox', '--no-first-run', ...quiet, ...more] });
}

/** A page of a file, and what it said and asked for while it was opened. */
export type OpenedPage = { page: Page; said: string[]; requests: string[] };

export async function openFile(
	browser: Browser,
	file: string,
	{ width, height = 900, colorScheme = 'light' }: { width: number; height?: number; colorScheme?: 'light' | 'dark' },
): Promise<OpenedPage> {
	const page = await browser.newPage({ viewport: { width, height }, colorScheme });
	const said: string[] = [];
	const requests: string[] = [];
	page.on('console', (message) => said.push(message.text()));
	page.on('pageerror', (error) => said.push(error.message));
	page.on('request', (request) => requests.push(request.url()));
	await page.goto(pathToFileURL(file).href);
	return { page, said, requests };
}
