// A photo by the camera of this device.
import { found, headingOf, make } from './dom.js';
import { Problem } from './problems.js';

/** @returns {Promise<Blob | undefined>} the photo; undefined where none was taken */
export async function takePhoto() {
	// Browsers give the camera to pages of this machine or over TLS alone. Elsewhere a phone's own camera takes the photo.
	if (navigator.mediaDevices === undefined) return await takeOutside();
	const dialog = found('camera');
	const stream = await navigator.mediaDevices
		.getUserMedia({ video: { facingMode: 'user', width: { ideal: 1280 } }, audio: false })
		.catch(() => undefined);
	if (stream === undefined) {
		throw new Problem({
			code: 'NO_CAMERA',
			detail: 'The camera can not be used.',
			remedy: 'Allow it in the browser, or choose a photo.',
		});
	}
	const video = make('video', {
		muted: true,
		autoplay: true,
		playsInline: true,
		srcObject: stream,
		'aria-label': 'Camera',
	});
	let photo;
	const take = make('button', { type: 'button', className: 'main' }, 'Take the photo');
	take.onclick = async () => {
		const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
		canvas.getContext('2d').drawImage(video, 0, 0);
		photo = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.95 });
		dialog.close();
	};
	take.disabled = true;
	video.onloadeddata = () => {
		take.disabled = false;
	};
	dialog.replaceChildren(headingOf(dialog, 'Camera'), make('div', { className: 'stack' }, video, take));
	dialog.showModal();
	await new Promise((closed) => dialog.addEventListener('close', closed, { once: true }));
	for (const track of stream.getTracks()) track.stop();
	dialog.replaceChildren();
	return photo;
}

function takeOutside() {
	return new Promise((done) => {
		const input = make('input', { type: 'file', accept: 'image/*', capture: 'user' });
		input.onchange = () => done(input.files[0]);
		input.oncancel = () => done(undefined);
		input.click();
	});
}
