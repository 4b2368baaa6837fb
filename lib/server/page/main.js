// The page: a photo becomes a person, a person becomes portraits.
import { Api } from './api.js';
import { switchColours } from './colours.js';
import { showComparison } from './comparison.js';
import { askForConsent, consentFields } from './consent.js';
import { found, make } from './dom.js';
import { Gallery } from './gallery.js';
import { History } from './history.js';
import { between } from './identity.js';
import { askForKey } from './key.js';
import { Options } from './options.js';
import { Person } from './person.js';
import { blobOf } from './pictures.js';
import { showProblem } from './problems.js';
import { showPortrait } from './viewer.js';

const api = new Api(askForKey);
const history = new History();
/** The newest first. */
let portraits = [];
let options;
const people = [];
let painting;

const gallery = new Gallery({ place: found('gallery'), onOpen: open, onDelete: remove });

function open(portrait) {
	showPortrait({
		...{ portrait, identify, onStep: open },
		neighbour: (by) => portraits[portraits.indexOf(portrait) + by],
		onUse: () => options?.use(portrait),
		onCompare: () => compare(portrait),
		onDelete: () => remove(portrait),
	});
}

/** @type {WeakMap<Blob, Promise<number[]>>} */
const identities = new WeakMap();

/** Whom a picture shows; each is read once. */
function identify(picture) {
	const known = identities.get(picture);
	if (known !== undefined) return known;
	const reading = api.identify(picture).then(({ identity }) => identity.embedding);
	identities.set(picture, reading);
	reading.catch(() => identities.delete(picture));
	return reading;
}

/** The photo against a portrait, unless others are chosen. */
function compare(portrait = portraits[0]) {
	const photos = people.flatMap(({ name, photo, embedding }) => {
		if (embedding === undefined) return [];
		// Of whom was chosen on it, who may not be the largest.
		identities.set(photo, Promise.resolve(embedding));
		return [{ name: `Photo of ${name}`, blob: photo }];
	});
	const painted = portraits.map(({ seed, blob }) => ({ name: `Portrait ${seed}`, blob }));
	const chosen = [photos[0], painted.find(({ blob }) => blob === portrait?.blob)];
	showComparison({ identify, pictures: [...photos, ...painted], chosen });
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

/** What is told of the painting, above the portraits. */
function bringIntoView() {
	for (const id of ['portraits', 'portraits-title']) found(id).scrollIntoView({ block: 'nearest' });
}

async function paint() {
	const status = found('status');
	const [bar, step] = [found('bar'), found('step')];
	showProblem(found('trouble'));
	painting = new AbortController();
	const { signal } = painting;
	const person = embedding();
	bar.removeAttribute('value');
	step.textContent = 'Waiting for the model…';
	let places;
	let finished = 0;
	try {
		const asked = await options.request();
		status.textContent = asked.count === 1 ? 'Painting a portrait.' : `Painting ${asked.count} portraits.`;
		const identity = { embedding: person };
		const body = { ...asked, ...consentFields(), identity, recipes: true, preview: { every: 2 } };
		places = gallery.begin(asked.count);
		const hasFocus = document.activeElement === found('paint');
		show();
		if (hasFocus) found('cancel').focus();
		bringIntoView();
		for await (const { event, data } of api.paint(body, signal)) {
			if (event === 'step') {
				bar.max = data.steps;
				bar.value = data.step;
				step.textContent = `Step ${data.step} of ${data.steps}`;
			} else if (event === 'preview') {
				places.preview(data.index, await blobOf(data.data, data.mediaType));
			} else if (event === 'image') {
				await keep(data, { asked, person }, places);
				finished++;
			}
		}
		status.textContent = finished === 1 ? 'A portrait is finished.' : `${finished} portraits are finished.`;
	} catch (error) {
		status.textContent = error.name === 'AbortError' ? 'Cancelled.' : '';
		askForConsent(error);
		showProblem(found('trouble'), error);
		bringIntoView();
	} finally {
		places?.end();
		painting = undefined;
		const hasFocus = document.activeElement === found('cancel');
		show();
		if (hasFocus) found('paint').focus();
	}
}

async function keep({ index, seed, data, mediaType, recipe, warnings }, { asked, person }, places) {
	// Photos are not kept.
	const { image: _image, reference: _reference, ...how } = asked;
	const portrait = { seed, blob: await blobOf(data, mediaType), recipe, warnings, how, embedding: person };
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

/** Waits while it is being loaded. */
async function loadedModel() {
	for (;;) {
		try {
			const model = await api.model();
			found('status').textContent = '';
			return model;
		} catch (error) {
			if (!(error.status === 503 && error.seconds > 0)) throw error;
			found('status').textContent = error.message;
			await new Promise((done) => setTimeout(done, 1000 * error.seconds));
		}
	}
}

/** A photo that came without a place is of whom none is known yet. */
function takeAnywhere({ files: [file] }) {
	const person = people.find(({ embedding }) => embedding === undefined) ?? people[0];
	if (file?.type.startsWith('image/')) person.take(file);
}

function describe({ device, bundle, imageSize, warnings }) {
	const where = device === 'cpu' ? 'the processor' : 'a GPU';
	found('model').textContent = `${bundle} on ${where}, ${imageSize.width} × ${imageSize.height} pixels`;
	// What to do about it is for whoever runs the server.
	const own = { EMBEDDED_BUNDLE: 'The model of this server knows drawn people only.' };
	found('about').textContent = warnings.map(({ code, message }) => own[code] ?? message).join(' ');
}

async function start() {
	switchColours(found('theme'));
	found('compare-open').onclick = () => compare();
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
	portraits = await history.all().catch(() => []);
	for (const portrait of portraits) gallery.append(portrait);
	show();
	try {
		const model = await loadedModel();
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
		document.addEventListener('paste', ({ clipboardData }) => takeAnywhere(clipboardData));
		document.addEventListener('dragover', (event) => event.preventDefault());
		document.addEventListener('drop', (event) => {
			// Else the browser leaves the page for the photo.
			event.preventDefault();
			takeAnywhere(event.dataTransfer);
		});
	} catch (error) {
		showProblem(found('trouble'), error);
		found('people').replaceChildren(make('button', { type: 'button', onclick: () => location.reload() }, 'Try again'));
	}
}

start();
