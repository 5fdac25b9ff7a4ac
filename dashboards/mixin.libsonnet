// The dashboards and rules of revox_exporter as a monitoring mixin: see README.md beside this file.
local files = {
  'overview.json': import 'overview.json',
  'campaign.json': import 'campaign.json',
  'capacity.json': import 'capacity.json',
  'exporter.json': import 'exporter.json',
  'agent.json': import 'agent.json',
};

{
  _config+:: {
    // The job by which Prometheus scrapes the exporters.
    job: 'revox',
    // What selects the exporters' own series, such as up. Add labels to select some of several installations.
    selector: 'job="%s"' % self.job,
    // Where you open Grafana: the alerts link their dashboards there.
    grafanaUrl: 'http://localhost:3000',
    // The folder of the dashboards, as Grafana's provisioning and Grizzly name it.
    folder: 'Revox',
  },

  local selected(value) =
    if std.isString(value) then
      std.strReplace(std.strReplace(value, 'job="revox"', $._config.selector), 'http://localhost:3000', $._config.grafanaUrl)
    else if std.isArray(value) then std.map(selected, value)
    else if std.isObject(value) then std.mapWithKey(function(_, v) selected(v), value)
    else value,

  grafanaDashboardFolder:: $._config.folder,
  grafanaDashboards+:: selected(files),

  // Recording rules are among the alerts: a rule sees what the rules above it in its group have just recorded.
  prometheusAlerts+:: selected(std.parseYaml(importstr '../alerts/revox.rules.yml')),
}
