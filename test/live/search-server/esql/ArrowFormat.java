package org.elasticsearch.xpack.esql.arrow;

import java.util.Set;
import org.elasticsearch.xcontent.MediaType;

/** ES|QL's module names this format among its media types; its own library is not on Maven Central. */
public class ArrowFormat implements MediaType {
  public static final ArrowFormat INSTANCE = new ArrowFormat();

  public String queryParameter() {
    return "arrow";
  }

  public Set<HeaderValue> headerValues() {
    return Set.of();
  }
}
