// One entry for `node --test`, so that nothing else that was built is taken for a test.
import './protocol.test.ts';
import './hub.test.ts';
import './stand-in.test.ts';
import './scenarios.test.ts';
