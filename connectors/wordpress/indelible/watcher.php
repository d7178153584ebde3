<?php
declare( strict_types=1 );

namespace Indelible;

/** One kind of content: which hooks say that it is about to change, what its state is, and what a change is called. */
abstract class Watcher {
	/** Hooks that touch, each before the change wherever WordPress has one there. */
	abstract public function hook(): void;

	/** The state now, read from the database and not from a cache; null when it is not there. */
	abstract public function state( string $id ): ?array;

	/**
	 * Several states at once.
	 *
	 * @param string[] $ids
	 * @return array<array-key, ?array> By id.
	 */
	public function states( array $ids ): array {
		return array_combine( $ids, array_map( $this->state( ... ), $ids ) );
	}

	/**
	 * The changes between two states, which differ.
	 *
	 * @return Change[]
	 */
	abstract public function changes( string $id, ?array $before, ?array $after ): array;

	/** Whether all blogs of a network share what is watched, so that its state is read without switching. */
	public function is_of_network(): bool {
		return false;
	}

	final public function touch( int|string $id, array|null|false $before = false ): void {
		Ledger::touch( $this, (string) $id, $before );
	}

	final public function created( int|string $id ): void {
		Ledger::created( $this, (string) $id );
	}

	/** created, deleted, or what else is said. */
	protected static function verb( ?array $before, ?array $after, string $otherwise = 'updated' ): string {
		return match ( true ) {
			null === $before => 'created',
			null === $after => 'deleted',
			default => $otherwise,
		};
	}

	/** Metadata by key: one value as it is, several as a list. */
	protected static function meta( string $of, int $id, callable $is_told ): array|object {
		global $wpdb;
		$table  = _get_meta_table( $of );
		$column = "{$of}_id";
		$order  = 'user' === $of ? 'umeta_id' : 'meta_id';
		// The names come from this list and not from the request: post, comment, term, user.
		$rows = $wpdb->get_results( $wpdb->prepare( "SELECT meta_key, meta_value FROM $table WHERE $column = %d ORDER BY $order", $id ) );
		$meta = array();
		foreach ( (array) $rows as $row ) {
			if ( null !== $row->meta_key && $is_told( $row->meta_key ) ) {
				$meta[ $row->meta_key ][] = Value::stored( $row->meta_value );
			}
		}
		$meta = array_map( static fn ( array $values ): mixed => 1 === count( $values ) ? $values[0] : $values, $meta );
		ksort( $meta );
		return $meta ? $meta : new \stdClass();
	}

	/** Hooks before any metadata is written: add_, update_, delete_. */
	protected function hook_meta( string $of, callable $is_told ): void {
		Hooks::add( "add_{$of}_meta", fn ( $id, $key = '' ) => $is_told( (string) $key ) && $this->touch( $id ) );
		Hooks::add( "update_{$of}_meta", fn ( $meta_id, $id, $key = '' ) => $is_told( (string) $key ) && $this->touch( $id ) );
		Hooks::add( "delete_{$of}_meta", fn ( $meta_ids, $id, $key = '' ) => $is_told( (string) $key ) && $id && $this->touch( $id ) );
	}
}
