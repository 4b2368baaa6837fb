// Fréchet distances of groups: of as many people each, and without some of them.
import { jackknifeGroups } from '../evaluation/bootstrap.ts';
import type { FrechetTask } from '../evaluation/distance-figures.ts';
import { Random } from '../evaluation/random.ts';
import type { DistanceFeatures } from './measures.ts';

/** Beyond, a distance takes minutes. */
const mostPeople = 100;

/** The whole, then without each of some sets of its people. */
export type DistanceOrder = readonly FrechetTask[];

/**
 * @param groups - of each, its people
 * @returns how many people each distance is of, and of each group what is to be computed
 */
export function distanceOrders(
	features: DistanceFeatures,
	groups: readonly (readonly number[])[],
	seed: number,
): { people: number; orders: readonly DistanceOrder[] } {
	const number = Math.min(mostPeople, ...groups.map((people) => people.length));
	const everybody = [...new Set([...features.photos.person, ...features.portraits.person])];
	const orders = groups.map((people) => {
		const drawn = [...new Random(seed).order(people.length).subarray(0, number)].map((i) => people[i]!);
		const sets = Math.min(jackknifeGroups, number);
		const kept = [drawn, ...Array.from({ length: sets }, (_, set) => drawn.filter((_person, at) => at % sets !== set))];
		return kept.map((some) => {
			const inside = new Set(some);
			return { ...features, without: Int32Array.from(everybody.filter((person) => !inside.has(person))) };
		});
	});
	return { people: number, orders };
}

/** Of whom there are a photo and a portrait to compare. */
export function comparable({ photos, portraits }: DistanceFeatures, people: readonly number[]): number[] {
	const [shown, painted] = [new Set(photos.person), new Set(portraits.person)];
	return people.filter((person) => shown.has(person) && painted.has(person));
}
