// A form that is sent twice by a double click is sent once. The service would notice, but then the second answer,
// which says so, would take the place of the first. Without scripts the service's own notice has to do.
(() => {
  const sent = new WeakSet();
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (sent.has(form)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      sent.add(form);
      setTimeout(() => sent.delete(form), 1000);
    },
    true,
  );
})();
