const looks = () => document.visibilityState === 'visible' && document.hasFocus();
let here = $state(looks());
const update = () => (here = looks());

window.addEventListener('focus', update);
window.addEventListener('blur', update);
document.addEventListener('visibilitychange', update);

/** Whether somebody looks at this page: it is visible, and the window has the focus. */
export const attention = {
  get here(): boolean {
    return here;
  },
};
