import "./base.css";
import "./list.css";
import "./stream.css";
import "./webhooks.css";
import { ApiError, Client, Unreachable } from "../api/client";
import { focusHeading, h } from "../ui/dom";
import { icon } from "../ui/icons";
import { Banner } from "./banner";
import type { App, Page } from "./page";
import { parseRoute, type Route } from "./route";
import { session } from "./session";
import { signIn } from "./signIn";
import { StreamList } from "./streamList";
import { StreamPage } from "./streamPage";
import { toast } from "./toast";
import { WebhooksPage } from "./webhooksPage";

const root = document.getElementById("app") as HTMLElement;
let leave = (): void => undefined;

function showSignIn(reason: string | null): void {
  leave();
  leave = () => undefined;
  root.replaceChildren(
    signIn(reason, (token) => {
      showDashboard(token);
      focusHeading(root);
    }),
  );
}

function showDashboard(token: string): void {
  const banner = new Banner();
  const main = h("main");
  let page: Page | null = null;

  const app: App = {
    client: new Client(token),
    answered() {
      banner.hide();
      delete main.dataset["stale"];
    },
    missed(error) {
      if (isRefused(error)) return refused();
      banner.show(error);
      main.dataset["stale"] = "";
    },
    failed(error) {
      if (isRefused(error)) refused();
      else if (error instanceof Unreachable) app.missed(error);
      else toast(error instanceof Error ? error.message : String(error), "bad");
    },
    say: (message) => toast(message),
    renew: changeRoute,
  };

  function pageOf(route: Route): Page {
    switch (route.page) {
      case "stream":
        return new StreamPage(app, route.videoId);
      case "webhooks":
        return new WebhooksPage(app);
      case "list":
        return new StreamList(app);
    }
  }

  function refused(): void {
    session.forget();
    showSignIn("The token is not accepted any more. Sign in again.");
  }

  function showRoute(): void {
    page?.leave();
    const route = parseRoute(location.hash);
    page = pageOf(route);
    main.replaceChildren(page.element);
    window.scrollTo(0, 0);
  }

  function changeRoute(): void {
    showRoute();
    // What had the focus is gone.
    focusHeading(main);
  }

  const signOut = h("button", {
    type: "button", class: "quiet",
    onclick: () => {
      session.forget();
      showSignIn(null);
    },
  }, icon("out"), h("span", {}, "Sign out"));
  root.replaceChildren(
    h(
      "header",
      { class: "top" },
      h("a", { class: "wordmark", href: "#/", "aria-label": "Weir, all streams" }, "weir"),
      h("nav", { "aria-label": "Elsewhere" }, h("a", { class: "quiet", href: "#/webhooks" }, "Webhooks"), h("a", { class: "quiet", href: "/api/docs" }, "API"), signOut),
    ),
    banner.element,
    main,
  );
  window.addEventListener("hashchange", changeRoute);
  leave = () => {
    window.removeEventListener("hashchange", changeRoute);
    page?.leave();
  };
  showRoute();
}

function isRefused(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

const token = session.token;
if (token === null) showSignIn(null);
else showDashboard(token);
