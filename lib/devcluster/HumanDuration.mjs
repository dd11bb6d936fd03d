// src/devcluster/HumanDuration.ts
const second = 1e3;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;
/** How Kubernetes writes an age: `45s`, `5m10s`, `3h`, `2d4h`; the coarser the older. */
const humanDuration = (milliseconds) => {
	const parts = (large, largeUnit, small, smallUnit) => {
		const rest = Math.floor(milliseconds % large / small);
		return `${Math.floor(milliseconds / large)}${largeUnit}${rest === 0 ? "" : `${rest}${smallUnit}`}`;
	};
	const whole = (unit, name) => `${Math.floor(milliseconds / unit)}${name}`;
	if (milliseconds < 2 * minute) return whole(second, "s");
	if (milliseconds < 10 * minute) return parts(minute, "m", second, "s");
	if (milliseconds < 3 * hour) return whole(minute, "m");
	if (milliseconds < 8 * hour) return parts(hour, "h", minute, "m");
	if (milliseconds < 2 * day) return whole(hour, "h");
	if (milliseconds < 8 * day) return parts(day, "d", hour, "h");
	if (milliseconds < 2 * year) return whole(day, "d");
	return milliseconds < 8 * year ? parts(year, "y", day, "d") : whole(year, "y");
};
export { humanDuration };
