<?php
declare( strict_types=1 );

namespace Indelible\Revert;

/** What the log asks for: what to set and remove, and what must be there now. */
final class Order {
	private function __construct(
		public readonly string $key,
		public readonly string $site,
		public readonly string $entry_id,
		public readonly string $type,
		public readonly string $id,
		public readonly array $set,
		public readonly array $remove,
		public readonly array $expected,
		public readonly string $reason,
		public readonly string $requested_by,
	) {}

	/** One that is not as the contract says is refused with what is wrong. */
	public static function read( string $body ): self {
		$given = json_decode( $body, true, 128, JSON_BIGINT_AS_STRING );
		$text  = static fn ( mixed $value, string $name ): string => is_string( $value ) && '' !== $value ? $value : throw new Impossible( "the order is not as it should be: `$name` must be a text" );
		$uuid  = static fn ( mixed $value, string $name ): string => 1 === preg_match( '/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i', $text( $value, $name ) ) ? strtolower( $value ) : throw new Impossible( "the order is not as it should be: `$name` must be a UUID" );
		if ( ! is_array( $given ) ) {
			throw new Impossible( 'the order is not a JSON object' );
		}
		foreach ( array( 'set', 'remove', 'expected' ) as $name ) {
			if ( ! is_array( $given[ $name ] ?? array() ) ) {
				throw new Impossible( "the order is not as it should be: `$name`" );
			}
		}
		$order = new self(
			$uuid( $given['idempotency_key'] ?? null, 'idempotency_key' ),
			$text( $given['site'] ?? null, 'site' ),
			$uuid( $given['entry_id'] ?? null, 'entry_id' ),
			$text( $given['entity']['type'] ?? null, 'entity.type' ),
			$text( $given['entity']['id'] ?? null, 'entity.id' ),
			$given['set'] ?? array(),
			array_map( static fn ( mixed $place ): string => $text( $place, 'remove' ), array_values( $given['remove'] ?? array() ) ),
			$given['expected'] ?? array(),
			is_string( $given['reason'] ?? null ) ? $given['reason'] : '',
			is_string( $given['requested_by'] ?? null ) ? $given['requested_by'] : '',
		);
		if ( ! $order->set && ! $order->remove ) {
			throw new Impossible( 'the order asks for nothing' );
		}
		array_walk_recursive( $given['set'], array( self::class, 'check_value' ) );
		return $order;
	}

	/** What the log does not have, or PHP cannot make again. */
	private static function check_value( mixed $value, string|int $key ): void {
		if ( '__PHP_Incomplete_Class_Name' === $key ) {
			throw new Impossible( 'a value is an object of PHP, which cannot be made again from here' );
		}
		if ( is_string( $value ) && ( preg_match( '/^\[masked( \d+)?\]$/', $value ) || preg_match( '/… \[cut: \d+ bytes, SHA-256 [0-9a-f]{64}\]$/u', $value ) ) ) {
			throw new Impossible( 'a value was masked or cut when it was logged, and the log does not have it' );
		}
	}

	/** @return string[] Every place that it changes. */
	public function places(): array {
		return array( ...array_map( 'strval', array_keys( $this->set ) ), ...$this->remove );
	}

	/** Refuses when something else is there than it expects; a place that it sets and does not name must be empty. */
	public function check( ?array $state ): void {
		foreach ( array_unique( array( ...$this->places(), ...array_map( 'strval', array_keys( $this->expected ) ) ) ) as $place ) {
			$found  = Places::find( $state ?? array(), $place );
			$wanted = array_key_exists( $place, $this->expected ) ? array( $this->expected[ $place ] ) : array();
			if ( ! Places::same( $found, $wanted ) ) {
				throw new Differs( $state );
			}
		}
	}

	/** The state as it is to be. */
	public function applied( array $state ): array {
		foreach ( $this->set as $place => $value ) {
			$state = Places::put( $state, (string) $place, $value );
		}
		foreach ( $this->remove as $place ) {
			$state = Places::drop( $state, $place );
		}
		return $state;
	}

	/** Refuses when a value did not survive: what it refers to is gone, or WordPress or a plugin makes something else of it. */
	public function check_done( array $state ): void {
		foreach ( $this->places() as $place ) {
			$wanted = array_key_exists( $place, $this->set ) ? array( $this->set[ $place ] ) : array();
			if ( ! Places::same( Places::find( $state, $place ), $wanted ) ) {
				throw new Impossible( "$place cannot be put back to what it was: what it refers to is gone, or WordPress or a plugin makes something else of it" );
			}
		}
	}
}
