// The description comes from the deployed API itself, so this page shows what runs; requests go to /api of this machine.
const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();

async function begin() {
  const [description, stack] = await Promise.all([fetch("/api/v1/openapi.json"), fetch("/_stack.json")]).catch(() => []);
  if (!description?.ok) return setTimeout(begin, 1000);  // it is being deployed
  const key = (await stack.json().catch(() => ({}))).test_key;
  const ui = SwaggerUIBundle({
    url: "/api/v1/openapi.json",
    dom_id: "#reference",
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    defaultModelExpandDepth: 3,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    onComplete: () => key && ui.preauthorizeApiKey("apiKey", key),
  });
}
begin();
