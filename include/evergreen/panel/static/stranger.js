// A page that only says something: nothing to load.
export {};
