// npm run faulty-proxy -- http://127.0.0.1:5080 gap: for k6 itself, to see that its run fails.
import { faults, FaultyProxy, type Fault } from './faulty-proxy.ts';

const [to = '', fault = ''] = process.argv.slice(2);
if (!/^https?:/.test(to) || !faults.includes(fault as Fault)) {
  console.error(`Say where the server is, and which of ${faults.join(', ')} is to happen: npm run faulty-proxy -- http://127.0.0.1:5080 gap`);
  process.exit(2);
}

const proxy = await FaultyProxy.start(to, fault as Fault);
console.log(`MONSTERA_URL=${proxy.address}`);
