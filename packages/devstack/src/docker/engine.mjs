/**
 * The little of the Docker Engine's API that the supervisor needs, to end containers whose owner is gone. Plain
 * JavaScript on Node's own modules, for the supervisor loads nothing else.
 */
import { request } from 'node:http';

/**
 * Asks a container to end in order, forces it when it has not after the grace, and removes it with its anonymous
 * volumes. One that is gone already is no fault.
 * @param {string} host `unix:///path` or `tcp://host:port`
 * @param {string} id
 * @param {number} graceSeconds
 */
export async function endContainer(host, id, graceSeconds) {
  // A paused container hears nothing; one that is not paused answers that it is not.
  await call(host, 'POST', `/containers/${id}/unpause`);
  await call(host, 'POST', `/containers/${id}/stop?t=${graceSeconds}`);
  await call(host, 'DELETE', `/containers/${id}?force=true&v=true`);
}

/** @param {string} host @param {string} name */
export async function endNetwork(host, name) {
  await call(host, 'DELETE', `/networks/${name}`);
}

/** The answer's status; 0 when there was none. @param {string} host @param {string} method @param {string} path */
function call(host, method, path) {
  const socketPath = /^unix:\/\/(.+)$/.exec(host)?.[1];
  const { hostname, port } = socketPath ? { hostname: undefined, port: undefined } : new URL(host);
  const where = socketPath ? { socketPath } : { host: hostname, port };
  return new Promise((resolve) => {
    const asked = request({ ...where, method, path }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.on('error', () => resolve(0));
    asked.end();
  });
}
