/* The only thing that needs JavaScript: talking to a passkey. Codes do the same without it. */
"use strict";
(function () {
	function bytes(s) {
		s = s.replace(/-/g, "+").replace(/_/g, "/");
		return Uint8Array.from(atob(s), function (c) { return c.charCodeAt(0); });
	}
	function text(b) {
		var s = String.fromCharCode.apply(null, new Uint8Array(b));
		return btoa(s).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
	}
	function decode(o) {
		o.challenge = bytes(o.challenge);
		if (o.user) o.user.id = bytes(o.user.id);
		["allowCredentials", "excludeCredentials"].forEach(function (k) {
			(o[k] || []).forEach(function (c) { c.id = bytes(c.id); });
		});
		return o;
	}
	function answer(c) {
		var r = c.response, o = { id: c.id, clientDataJSON: text(r.clientDataJSON) };
		if (r.attestationObject) {
			o.attestationObject = text(r.attestationObject);
		} else {
			o.authenticatorData = text(r.authenticatorData);
			o.signature = text(r.signature);
			if (r.userHandle) o.userHandle = text(r.userHandle);
		}
		return JSON.stringify(o);
	}
	if (!window.PublicKeyCredential) return;
	document.querySelectorAll("form[data-passkey]").forEach(function (form) {
		form.hidden = false;
		form.addEventListener("submit", function (ev) {
			var create = form.getAttribute("data-passkey") === "create", o, p;
			if (form.elements.response.value) return;
			ev.preventDefault();
			o = decode(JSON.parse(form.getAttribute("data-options")));
			p = create ? navigator.credentials.create({ publicKey: o }) : navigator.credentials.get({ publicKey: o });
			p.then(function (c) {
				form.elements.response.value = answer(c);
				form.submit();
			}).catch(function () {
				var n = form.querySelector(".passkey-failed");
				if (n) n.hidden = false;
			});
		});
	});
}());
