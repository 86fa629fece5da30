// The tab of a DAG that is not ours: nothing to load.
export {};
