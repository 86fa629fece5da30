// Asks the panel's JSON interface, and turns what goes wrong into what a person can do.

const WAIT_MS = 30_000;

export class Trouble extends Error {
  constructor(title, text, { login = false } = {}) {
    super(text);
    this.title = title;
    this.login = login;
  }
}

export async function ask(path, parameters = {}) {
  const url = new URL(`${document.body.dataset.panel}api/${path}`, window.location.origin);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  let answer;
  try {
    answer = await fetch(url, {
      headers: { accept: "application/json" },
      credentials: "same-origin",
      signal: AbortSignal.timeout(WAIT_MS),
    });
  } catch {
    throw new Trouble("Airflow does not answer", "Check that its API server is up and try again.");
  }
  if (answer.status === 401)
    throw new Trouble("You are logged out", "Log in again to go on.", { login: true });
  const body = await answer.json().catch(() => null);
  if (answer.ok && body) return body;
  const detail = typeof body?.detail === "string" ? body.detail : `status ${answer.status}`;
  const titles = {
    403: "You may not see this",
    404: "There is nothing here",
    503: "The records are out of reach",
  };
  throw new Trouble(titles[answer.status] ?? "Something went wrong", detail);
}
