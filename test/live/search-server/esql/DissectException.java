package org.elasticsearch.dissect;

/** ES|QL's module catches it, in a command that no query here uses. */
public class DissectException extends RuntimeException {}
