package virtune;

import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.IndexMode;
import org.elasticsearch.index.IndexSettingProvider;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * What of two small modules of Elasticsearch is needed and not on Maven Central: of data-streams, the two settings
 * of a time series stream, the bounds in time of its indices and the list of streams; of rest-root, the answer to
 * GET /. Streams, templates, time series indices, ids, conflicts and bulk requests are the server's own.
 */
public class DataStreamsStandIn extends Plugin implements ActionPlugin {
  static final Setting<TimeValue> LOOK_BACK =
      Setting.timeSetting(
          "index.look_back_time",
          TimeValue.timeValueHours(2),
          TimeValue.timeValueMinutes(1),
          TimeValue.timeValueDays(7),
          Setting.Property.IndexScope,
          Setting.Property.Dynamic);
  static final Setting<TimeValue> LOOK_AHEAD =
      Setting.timeSetting(
          "index.look_ahead_time",
          TimeValue.timeValueMinutes(30),
          TimeValue.timeValueMinutes(1),
          TimeValue.timeValueHours(2),
          Setting.Property.IndexScope,
          Setting.Property.Dynamic);
  /** Elasticsearch takes the dimensions of the mapping; these are ours. */
  static final List<String> DIMENSIONS =
      List.of("host.id", "kvm.uuid", "kvm.device", "kvm.dommemstat.stat.name");

  @Override
  public List<Setting<?>> getSettings() {
    return List.of(LOOK_BACK, LOOK_AHEAD);
  }

  @Override
  public Collection<IndexSettingProvider> getAdditionalIndexSettingProviders(
      IndexSettingProvider.Parameters parameters) {
    return List.of(
        (index, stream, mode, metadata, at, settings, mappings) -> {
          if (stream == null || mode != IndexMode.TIME_SERIES) return Settings.EMPTY;
          var before = metadata.dataStreams().get(stream);
          var start = at.minusMillis(LOOK_BACK.get(settings).millis());
          if (before != null) {
            var last = metadata.index(before.getWriteIndex()).getSettings();
            if (IndexSettings.TIME_SERIES_END_TIME.exists(last)) {
              start = IndexSettings.TIME_SERIES_END_TIME.get(last);
            }
          }
          var end = at.plusMillis(LOOK_AHEAD.get(settings).millis());
          if (end.isBefore(start)) end = start.plusSeconds(1_800);
          var all = mappings.stream().map(mapping -> mapping.string()).toList().toString();
          var path = new ArrayList<String>();
          for (var name : DIMENSIONS) {
            var leaf = name.substring(name.lastIndexOf('.') + 1);
            var dimension = Pattern.compile("\"" + leaf + "\":\\{[^{}]*\"time_series_dimension\":(true|\"true\")");
            if (dimension.matcher(all).find()) path.add(name);
          }
          return Settings.builder()
              .put(IndexSettings.TIME_SERIES_START_TIME.getKey(), start.truncatedTo(ChronoUnit.SECONDS).toString())
              .put(IndexSettings.TIME_SERIES_END_TIME.getKey(), end.truncatedTo(ChronoUnit.SECONDS).toString())
              .putList("index.routing_path", path)
              .build();
        });
  }

  @Override
  public Collection<RestHandler> getRestHandlers(
      Settings settings,
      NamedWriteableRegistry registry,
      RestController controller,
      ClusterSettings clusterSettings,
      IndexScopedSettings indexScopedSettings,
      SettingsFilter filter,
      IndexNameExpressionResolver resolver,
      Supplier<DiscoveryNodes> nodes,
      Predicate<NodeFeature> features) {
    return List.of(new Root(), new Streams());
  }

  static class Root extends BaseRestHandler {
    @Override
    public String getName() {
      return "main_action";
    }

    @Override
    public List<Route> routes() {
      return List.of(new Route(RestRequest.Method.GET, "/"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
      return channel -> {
        XContentBuilder body = channel.newBuilder().startObject();
        body.startObject("version").field("number", Build.current().version()).field("build_flavor", "default");
        body.endObject().field("tagline", "You Know, for Search").endObject();
        channel.sendResponse(new RestResponse(RestStatus.OK, body));
      };
    }
  }

  static class Streams extends BaseRestHandler {
    @Override
    public String getName() {
      return "get_data_streams_action";
    }

    @Override
    public List<Route> routes() {
      return List.of(new Route(RestRequest.Method.GET, "/_data_stream/{name}"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
      String pattern = request.param("name");
      return channel ->
          client.admin().cluster().prepareState(TimeValue.timeValueSeconds(30)).execute(
              new org.elasticsearch.rest.action.RestActionListener<>(channel) {
                @Override
                protected void processResponse(
                    org.elasticsearch.action.admin.cluster.state.ClusterStateResponse response) throws Exception {
                  XContentBuilder body = channel.newBuilder().startObject().startArray("data_streams");
                  for (var stream : response.getState().metadata().dataStreams().values()) {
                    if (!Regex.simpleMatch(pattern, stream.getName())) continue;
                    body.startObject().field("name", stream.getName()).startArray("indices");
                    for (var index : stream.getIndices()) {
                      body.startObject().field("index_name", index.getName()).endObject();
                    }
                    body.endArray().endObject();
                  }
                  channel.sendResponse(new RestResponse(RestStatus.OK, body.endArray().endObject()));
                }
              });
    }
  }
}
