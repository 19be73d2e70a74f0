package org.elasticsearch.dissect;

/** Of a command of ES|QL that no query here uses; its own library is not on Maven Central. */
public final class DissectParser {}
