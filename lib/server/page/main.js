// The page: a photo becomes a person, a person becomes portraits.
import { Api } from './api.js';
import { switchColours } from './colours.js';
import { askForKey, showComparison, showPortrait } from './dialogs.js';
import { found, make } from './dom.js';
import { Gallery } from './gallery.js';
import { History } from './history.js';
import { between } from './identity.js';
import { Options } from './options.js';
import { Person } from './person.js';
import { blobOf } from './pictures.js';
import { showProblem } from './problems.js';

const api = new Api(askForKey);
const history = new History();
/** The newest first. */
let portraits = [];
let options;
const people = [];
let painting;

const gallery = new Gallery({ place: found('gallery'), onOpen: open, onDelete: remove });

function open(portrait) {
	showPortrait({ portrait, api, onUse: (recipe) => options.use(recipe), onDelete: () => remove(portrait) });
}

async function remove(portrait) {
	// Gone for good before it is gone from sight.
	await history.remove(portrait.id).catch(() => {});
	portraits = portraits.filter((one) => one !== portrait);
	gallery.remove(portrait);
	show();
}

/** What follows from what there is. */
function show() {
	const isPainting = painting !== undefined;
	const isReady = people.length > 0 && people.every(({ embedding }) => embedding !== undefined);
	found('paint').disabled = isPainting || !isReady || options === undefined;
	found('cancel').hidden = !isPainting;
	found('progress').hidden = !isPainting;
	found('welcome').hidden = !gallery.isEmpty;
	found('delete-all').hidden = portraits.length === 0;
	found('kept').hidden = portraits.length === 0;
	found('blend').hidden = people.length < 2;
	found('second').hidden = people[0]?.embedding === undefined;
	found('second').textContent = people.length < 2 ? 'Blend with a second person' : 'Remove the second person';
}

/** Between two people where there are two. */
function embedding() {
	const [first, second] = people;
	return second === undefined
		? first.embedding
		: between(first.embedding, second.embedding, found('blend-share').value / 100);
}

async function paint() {
	const status = found('status');
	const bar = found('bar');
	showProblem(found('trouble'));
	painting = new AbortController();
	const { signal } = painting;
	const person = embedding();
	bar.removeAttribute('value');
	status.textContent = 'Painting…';
	let places;
	let finished = 0;
	try {
		const asked = await options.request();
		const consent = Object.fromEntries(
			['purpose', 'subject'].map((name) => [name, found(name).value.trim()]).filter(([, text]) => text !== ''),
		);
		const body = { ...asked, ...consent, identity: { embedding: person }, recipes: true, preview: { every: 2 } };
		places = gallery.begin(asked.count);
		show();
		found('portraits').scrollIntoView({ block: 'nearest' });
		for await (const { event, data } of api.paint(body, signal)) {
			if (event === 'step') {
				bar.max = data.steps;
				bar.value = data.step;
				status.textContent = `Step ${data.step} of ${data.steps}`;
			} else if (event === 'preview') {
				places.preview(data.index, await blobOf(data.data, data.mediaType));
			} else if (event === 'image') {
				await keep(data, person, places);
				finished++;
			}
		}
		status.textContent = finished === 1 ? 'A portrait is finished.' : `${finished} portraits are finished.`;
	} catch (error) {
		status.textContent = error.name === 'AbortError' ? 'Cancelled.' : '';
		if (error.code === 'CONSENT_REQUIRED') found('consent').hidden = false;
		// The field that says what for is asked for by its name.
		if (error.details?.option === 'purpose') found('consent').hidden = false;
		showProblem(found('trouble'), error);
	} finally {
		places?.end();
		painting = undefined;
		show();
	}
}

async function keep({ index, seed, data, mediaType, recipe, warnings }, embedding, places) {
	const portrait = { seed, blob: await blobOf(data, mediaType), recipe, warnings, embedding };
	// A browser that keeps nothing, as in a private window, still shows it.
	portrait.id = await history.add(portrait).catch(() => `unkept-${seed}-${Date.now()}`);
	portraits.unshift(portrait);
	places.finish(index, portrait);
}

function addPerson(model, name) {
	const person = new Person({ api, limits: model.limits, name, onChange: show });
	people.push(person);
	found('people').append(person.element);
	show();
}

function describe({ device, bundle, imageSize }) {
	const where = device === 'cpu' ? 'the processor' : 'a GPU';
	found('model').textContent = `${bundle} on ${where}, ${imageSize.width} × ${imageSize.height} pixels`;
}

async function start() {
	switchColours(found('theme'));
	found('compare-open').onclick = () => showComparison({ api, portraits });
	found('making').onsubmit = (event) => {
		event.preventDefault();
		if (!found('paint').disabled) paint();
	};
	found('cancel').onclick = () => painting?.abort();
	found('delete-all').onclick = async () => {
		await history.clear().catch(() => {});
		portraits = [];
		gallery.clear();
		show();
	};
	const share = found('blend-share');
	share.oninput = () => {
		found('blend-text').value = `${100 - share.value} : ${share.value}`;
	};
	share.oninput();
	found('about').textContent = 'Arc2Face paints new portraits of a person from one photo.';
	portraits = await history.all().catch(() => []);
	for (const portrait of portraits) gallery.append(portrait);
	show();
	try {
		const model = await api.model();
		describe(model);
		options = new Options(found('options'), model);
		addPerson(model, 'the person');
		found('second').onclick = () => {
			if (people.length < 2) addPerson(model, 'the second person');
			else {
				people.pop().element.remove();
				show();
			}
		};
		document.addEventListener('paste', (event) => {
			const [file] = event.clipboardData.files;
			const person = people.find(({ embedding }) => embedding === undefined) ?? people[0];
			if (file?.type.startsWith('image/')) person.take(file);
		});
	} catch (error) {
		showProblem(found('trouble'), error);
		found('people').replaceChildren(make('button', { type: 'button', onclick: () => location.reload() }, 'Try again'));
	}
}

start();
