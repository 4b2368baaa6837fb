// Portraits that were painted, kept in this browser until they are deleted: IndexedDB, nothing of it leaves the machine.

const storeName = 'portraits';

/** @returns {Promise<IDBDatabase>} */
function open() {
	return new Promise((done, fail) => {
		const request = indexedDB.open('arc2face', 1);
		request.onupgradeneeded = () => request.result.createObjectStore(storeName, { keyPath: 'id', autoIncrement: true });
		request.onsuccess = () => done(request.result);
		request.onerror = () => fail(request.error);
	});
}

function ask(request) {
	return new Promise((done, fail) => {
		request.onsuccess = () => done(request.result);
		request.onerror = () => fail(request.error);
	});
}

export class History {
	#database = open();

	async #store(mode) {
		return (await this.#database).transaction(storeName, mode).objectStore(storeName);
	}

	/** The newest first. */
	async all() {
		return (await ask((await this.#store('readonly')).getAll())).reverse();
	}

	/** @returns its id */
	async add(portrait) {
		return await ask((await this.#store('readwrite')).add(portrait));
	}

	async remove(id) {
		await ask((await this.#store('readwrite')).delete(id));
	}

	async clear() {
		await ask((await this.#store('readwrite')).clear());
	}
}
