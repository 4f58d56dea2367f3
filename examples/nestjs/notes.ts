import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Inject,
  Injectable,
  Post,
  Req,
} from '@nestjs/common'
import type { Request } from 'express'
import type { AmbientKnex } from 'tenant-knex'
import { KNEX } from './tenancy.module.ts'

/** One row of a tenant's table `notes`. */
export interface Note {
  readonly id: number
  readonly text: string
}

/** One instance for all tenants: it does not have to be request-scoped, and does not know about tenants. */
@Injectable()
export class NotesService {
  readonly #knex: AmbientKnex

  constructor(@Inject(KNEX) knex: AmbientKnex) {
    this.#knex = knex
  }

  async list(): Promise<Note[]> {
    return this.#knex<Note>('notes').orderBy('id')
  }

  /** The number of notes, and its source: the tenant's cache or its database. */
  async count(): Promise<{ count: number; source: string }> {
    let source = 'cache'
    const count = await this.#knex.cache.remember('count', { ttlMillis: 60_000 }, async () => {
      source = 'database'
      const row = await this.#knex('notes').count({ count: '*' }).first()
      return Number(row?.count)
    })
    return { count, source }
  }

  async add(text: string): Promise<number | undefined> {
    return this.#knex.transaction(async (trx) => {
      const [id] = await trx('notes').insert({ text })
      await trx.cache.delete('count') // deleted when the transaction is committed
      return id
    })
  }
}

/** The HTTP routes. */
@Controller('notes')
export class NotesController {
  readonly #notes: NotesService

  constructor(@Inject(NotesService) notes: NotesService) {
    this.#notes = notes
  }

  @Get()
  async list(@Req() { tenant }: Request): Promise<object> {
    return { tenant: tenant?.id, notes: await this.#notes.list() }
  }

  @Get('count')
  count(): Promise<object> {
    return this.#notes.count()
  }

  @Post()
  async add(@Body() body?: { text?: unknown }): Promise<object> {
    const text = String(body?.text ?? '')
    if (text.trim() === '' || text.length > 200) {
      throw new BadRequestException('A note has a text of 1 to 200 characters.')
    }
    return { id: await this.#notes.add(text) }
  }
}
