// src/podspec/Json.ts
/** Whether the value is an object and no list. */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** The value as an object; empty when it is none. */
const objectOf = (value) => isObject(value) ? value : {};
/** The value as a list of objects; empty when it is none. */
const listOf = (value) => Array.isArray(value) ? value.map(objectOf) : [];
/** Whether the field says nothing. An explicit 0 or false says something: most such fields of a pod are pointers in Go. */
const isUnset = (value) => value === void 0 || value === null || value === "" || typeof value === "object" && Object.keys(value).length === 0;
/** Values that are there more than once, each given once. */
const duplicatesOf = (values) => [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
export { duplicatesOf, isObject, isUnset, listOf, objectOf };
